//! What keeps a connection from being made, changed or read, as a problem document.
use crate::daily::sync::SourceFault;
use crate::http::problem::Problem;
use crate::platforms::fault::Code;
use axum::http::StatusCode;
use serde_json::json;

impl From<SourceFault> for Problem {
    fn from(fault: SourceFault) -> Self {
        let text = capital(&fault.to_string());
        let unfit = |code: &str| Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, text.clone());
        match fault {
            SourceFault::Platform(..) => unfit("source.platform"),
            SourceFault::NotFound => Self::not_found("connection"),
            SourceFault::Name(_) => unfit("source.name"),
            SourceFault::NameTaken(_) => Self::new(StatusCode::CONFLICT, "source.name_taken", text),
            SourceFault::Unknown(..)
            | SourceFault::Secret(_)
            | SourceFault::NoSecret(..)
            | SourceFault::TooLong(..) => unfit("source.field"),
            SourceFault::Missing { missing, .. } => {
                unfit("source.auth.missing_config").with_context(json!({ "missing": missing }))
            }
            SourceFault::Moved { secrets, .. } => {
                unfit("source.field").with_context(json!({ "missing": secrets }))
            }
            SourceFault::Stream(..) => unfit("source.stream"),
            SourceFault::Days(_) => unfit("source.days"),
            SourceFault::Disabled(_) => Self::new(StatusCode::CONFLICT, "source.disabled", text),
            SourceFault::Busy => Self::new(StatusCode::CONFLICT, "source.sync.already_running", text),
            SourceFault::Sealed(_) => unfit("source.sealed"),
            SourceFault::Connector(error) => {
                Self::new(status(error.code), &format!("source.{}", error.code), error.message)
            }
            SourceFault::Database(error) => Self::database(&error),
        }
    }
}

/// A sentence.
fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    let end = if text.ends_with('.') { "" } else { "." };
    format!("{first}{}{end}", letters.as_str())
}

/// The status of a connector's error: whose fault it is.
fn status(code: Code) -> StatusCode {
    match code {
        Code::MissingConfig
        | Code::Invalid
        | Code::Expired
        | Code::Scope
        | Code::AccountNotFound
        | Code::AccountManager
        | Code::WindowTooOld
        | Code::CostLimit
        | Code::FxMissing => StatusCode::UNPROCESSABLE_ENTITY,
        Code::AlreadyRunning => StatusCode::CONFLICT,
        Code::RateLimited
        | Code::QuotaDaily
        | Code::Unavailable
        | Code::Request
        | Code::SchemaBreaking
        | Code::PageLoop
        | Code::JobTimeout
        | Code::JobFailed => StatusCode::BAD_GATEWAY,
        Code::Cancelled | Code::Storage => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// Whoever wants more than facts that stay is told so before anything is forgotten.
pub(super) fn facts_stay(told: &[(String, String)]) -> Result<(), Problem> {
    let unfit = |code: &str, text: String| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, text);
    for (name, value) in told {
        match (name.as_str(), value.as_str()) {
            ("purge", "false") => {}
            ("purge", _) => {
                let text = "Facts are not purged with their connection, and nothing was forgotten: the figures stay. Erase people \
                            with `POST /api/privacy/erase` or `adjutant privacy erase`; without `purge` the connection alone is \
                            forgotten.";
                return Err(unfit("source.purge", text.to_owned()));
            }
            _ => {
                let text = format!(
                    "'{name}' is no parameter of this address; it takes none. Nothing was forgotten."
                );
                return Err(unfit("request.query", text));
            }
        }
    }
    Ok(())
}
