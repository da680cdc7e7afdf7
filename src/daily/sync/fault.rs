//! What keeps a connection from being made, changed or read, for whoever asked for it.
use crate::db::sources::SecretsError;
use crate::platforms::fault::ConnectorError;

/// A sentence for a person; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum SourceFault {
    #[error("'{0}' is no platform that can be read; there are {1}")]
    Platform(String, String),
    #[error("there is no such connection")]
    NotFound,
    #[error("a name has 1 to {0} characters")]
    Name(usize),
    #[error("there is a connection called '{0}' already; give this one another name")]
    NameTaken(String),
    #[error("'{0}' is nothing that {1} is told; it knows {2}")]
    Unknown(String, &'static str, String),
    #[error("'{0}' is a secret: give it among the secrets, which are sealed and never shown")]
    Secret(String),
    #[error("'{0}' is no secret of {1}; give it among the settings")]
    NoSecret(String, &'static str),
    #[error("{title} also needs {}", .missing.join(", "))]
    Missing { title: &'static str, missing: Vec<&'static str> },
    /// The setting, and the stored secrets that would go along.
    #[error(
        "'{setting}' decides where secrets are sent: what is stored goes nowhere else. Enter {} anew together with it",
        .secrets.join(", ")
    )]
    Moved { setting: String, secrets: Vec<String> },
    #[error("'{0}' has more than {1} characters")]
    TooLong(String, usize),
    #[error("{0} has no stream '{1}'; it has {2}")]
    Stream(String, String, String),
    #[error("{0}")]
    Days(String),
    #[error("{0} is switched off; switch it on first")]
    Disabled(String),
    #[error("every stream of it that was asked for is being read, or waits to be")]
    Busy,
    #[error(
        "the secrets of the connection do not open: {0}. Enter all of them anew, or start with the key that sealed them"
    )]
    Sealed(String),
    #[error(transparent)]
    Connector(#[from] ConnectorError),
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
}

impl From<SecretsError> for SourceFault {
    fn from(error: SecretsError) -> Self {
        match error {
            SecretsError::Vault(error) => Self::Sealed(error.to_string()),
            SecretsError::Database(error) => Self::Database(error),
        }
    }
}
