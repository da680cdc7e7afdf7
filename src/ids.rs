//! Identifiers: one newtype a table, UUID v7 made from the injected clock.
use crate::clock::Clock;
use serde::{Deserialize, Serialize};
use std::sync::{Mutex, PoisonError};
use std::{fmt, str::FromStr};
use uuid::{ContextV7, Timestamp, Uuid};

/// Counts within a millisecond, so that ids of one process sort by creation whatever the clock does.
static SEQUENCE: Mutex<ContextV7> = Mutex::new(ContextV7::new());

/// A new UUID v7 from the clock's time: ids sort by creation, also under a fixed clock.
pub fn new_uuid(clock: &dyn Clock) -> Uuid {
    let now = clock.now();
    let seconds = u64::try_from(now.as_second()).unwrap_or(0);
    let nanos = u32::try_from(now.subsec_nanosecond()).unwrap_or(0);
    let sequence = SEQUENCE.lock().unwrap_or_else(PoisonError::into_inner);
    Uuid::new_v7(Timestamp::from_unix(&*sequence, seconds, nanos))
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema)]
        #[serde(transparent)]
        #[sqlx(transparent)]
        #[schema(value_type = String, format = Uuid)]
        pub struct $name(pub Uuid);

        impl $name {
            pub fn new(clock: &dyn Clock) -> Self {
                Self(new_uuid(clock))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )*};
}

ids! {
    /// An organisation: the tenant key of every table.
    OrgId,
    /// A person of an organisation.
    MemberId,
    ApiKeyId,
    ConversationId,
    TurnId,
    /// One execution of a named query.
    RunId,
    DraftId,
    ImportId,
    /// A connection to a platform.
    SourceId,
    /// One run of one stream of a connection.
    SyncRunId,
    /// A message on its way out.
    OutboxId,
    /// An endpoint of another program that is told what happens here.
    WebhookId,
}

#[cfg(test)]
mod tests;
