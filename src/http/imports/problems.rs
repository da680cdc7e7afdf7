//! Why a file is not taken over, as a problem document.
use super::LISTED;
use crate::daily::imports::UploadFault;
use crate::http::problem::Problem;
use crate::platforms::csv::import::{ImportError, LIMIT_MIB};
use axum::http::StatusCode;
use serde_json::json;

impl From<UploadFault> for Problem {
    fn from(fault: UploadFault) -> Self {
        let text = sentence(&fault.to_string());
        match fault {
            UploadFault::NotFound => Self::not_found("import"),
            UploadFault::Gone => Self::new(StatusCode::GONE, "import.expired", text),
            UploadFault::Done => Self::new(StatusCode::CONFLICT, "import.done", text),
            UploadFault::DoneBefore(at) => {
                let problem = Self::new(StatusCode::CONFLICT, "import.already_done", text);
                problem.with_context(json!({ "at": at }))
            }
            UploadFault::Mapping(_) => unfit("import.mapping", text),
            UploadFault::Import(error) => of_the_file(error, text),
            UploadFault::Database(error) => Self::database(&error),
        }
    }
}

fn unfit(code: &str, text: String) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, text)
}

pub(super) fn too_large() -> Problem {
    let text = format!("A file has at most {LIMIT_MIB} MiB. Split it by date.");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "csv.too_large", text)
}

fn of_the_file(error: ImportError, text: String) -> Problem {
    match error {
        ImportError::Kind(_, known) => {
            unfit("import.dataset", text).with_allowed(known.split(", ").map(str::to_owned).collect())
        }
        ImportError::Source(_, known) => {
            unfit("import.source", text).with_allowed(known.split(", ").map(str::to_owned).collect())
        }
        ImportError::Unreadable(_) => unfit("csv.unreadable", text),
        ImportError::Faulty(faults) => {
            let listed: Vec<_> = faults.iter().take(LISTED).collect();
            unfit("import.faulty", text).with_context(json!({ "errors": listed, "count": faults.len() }))
        }
        ImportError::NoRate { .. } => unfit("csv.no_rate", text),
        ImportError::TooLarge(..) => too_large(),
        ImportError::Over => Problem::new(StatusCode::CONFLICT, "import.done", text),
        ImportError::Database(error) => Problem::database(&error),
        ImportError::Spec(text) => Problem::internal(&text),
    }
}

/// The words of the command line, as a caller of the API says the same.
const SAME: [(&str, &str); 4] = [
    ("--date-format", "`options.date_format`"),
    ("--decimal", "`options.decimal`"),
    ("--rate", "`options.rates`"),
    ("--map", "`columns`"),
];

fn sentence(text: &str) -> String {
    let mut text = SAME.iter().fold(text.to_owned(), |text, (flag, field)| text.replace(flag, field));
    if let Some(first) = text.chars().next().filter(char::is_ascii_lowercase) {
        text.replace_range(..1, &first.to_ascii_uppercase().to_string());
    }
    if !text.ends_with('.') {
        text.push('.');
    }
    text
}
