//! What can go wrong with a draft, said so that a person or a model can mend it.
use crate::access::Permission;
use crate::db;

/// A stable code with a sentence: what was refused, why, and what to do.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    pub problem: Problem,
    /// `area.reason`, stable.
    pub code: String,
    pub message: String,
    /// Where in the request the fault is (JSON pointer).
    pub pointer: Option<String>,
    /// What would have been accepted, best first.
    pub allowed: Vec<String>,
}

/// The kind of refusal; a surface maps it to its own status (HTTP: 422, 403, 404, 409, 503).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    Invalid,
    Forbidden,
    NotFound,
    Conflict,
}

#[derive(Debug, thiserror::Error)]
pub enum DraftError {
    #[error("{}", .0.message)]
    Refused(Box<Refusal>),
    #[error("the database did not answer: {0}")]
    Db(#[from] db::Error),
    /// A stored value that this program did not write, or a built-in file that does not load.
    #[error("{0}")]
    Broken(String),
}

impl DraftError {
    fn refused(problem: Problem, code: &str, message: String) -> Self {
        Self::Refused(Box::new(Refusal {
            problem,
            code: code.to_owned(),
            message,
            pointer: None,
            allowed: Vec::new(),
        }))
    }

    pub fn conflict(code: &str, message: impl Into<String>) -> Self {
        Self::refused(Problem::Conflict, code, message.into())
    }

    pub fn forbidden(code: &str, message: impl Into<String>) -> Self {
        Self::refused(Problem::Forbidden, code, message.into())
    }

    pub fn missing(permission: Permission) -> Self {
        Self::forbidden("permission.missing", permission.only_for())
    }

    pub fn not_found(what: impl std::fmt::Display) -> Self {
        Self::refused(Problem::NotFound, "draft.not_found", format!("There is no draft {what}."))
    }

    /// `draft.payload_invalid` at a JSON pointer.
    pub fn payload(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Refused(Box::new(Refusal {
            problem: Problem::Invalid,
            code: "draft.payload_invalid".to_owned(),
            message: message.into(),
            pointer: Some(pointer.into()),
            allowed: Vec::new(),
        }))
    }

    /// The same with the values that would have been accepted.
    pub fn choice(pointer: impl Into<String>, message: impl Into<String>, allowed: Vec<String>) -> Self {
        match Self::payload(pointer, message) {
            Self::Refused(mut refusal) => {
                refusal.allowed = allowed;
                Self::Refused(refusal)
            }
            other @ (Self::Db(_) | Self::Broken(_)) => other,
        }
    }

    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            Self::Db(_) | Self::Broken(_) => None,
        }
    }

    /// The stable code.
    pub fn code(&self) -> &str {
        match self {
            Self::Refused(refusal) => &refusal.code,
            Self::Db(_) => "storage.unavailable",
            Self::Broken(_) => "draft.broken",
        }
    }

    /// Whether the caller of a draft tool can mend the call (other arguments), or should give up.
    pub fn mendable(&self) -> bool {
        self.refusal().is_some_and(|refusal| {
            refusal.problem == Problem::Invalid
                || (refusal.problem == Problem::Conflict && refusal.code == "draft.conflicting_open")
        })
    }

    /// Refusals (403, 409) are written to the audit log as attempts.
    pub fn is_audited(&self) -> bool {
        self.refusal().is_some_and(|r| matches!(r.problem, Problem::Forbidden | Problem::Conflict))
    }
}
