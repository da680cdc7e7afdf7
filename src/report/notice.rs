//! What is pushed to people who did not ask: the daily digest, alerts, the weekly summary. Data only; each surface lays
//! it out its own way.
use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

/// A message for whoever wants this kind of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Notice {
    Digest(Digest),
    Alert(Alert),
    Weekly(Weekly),
}

/// What the daily run of the detectors found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Digest {
    /// The organisation's day.
    pub day: Date,
    pub found: u32,
    /// Estimated effect of everything found, with its currency and span; none when nothing was found.
    pub impact: Option<String>,
    /// The best first; three are shown.
    pub top: Vec<Finding>,
    /// What is wrong with the data, if anything is.
    pub health: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    pub title: String,
    /// Estimated effect, or why it matters.
    pub value: String,
    /// What to ask to go on.
    pub question: Option<String>,
}

/// One incident, told once and brought up to date where it was told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// The same for the same incident, however often it is told.
    pub incident: String,
    pub title: String,
    pub lines: Vec<String>,
    pub opened_at: Timestamp,
    /// It is over.
    pub resolved_at: Option<Timestamp>,
    pub question: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Weekly {
    /// First day of the week that is summed up.
    pub week: Date,
    /// Name, value, change.
    pub figures: Vec<(String, String, String)>,
    pub lines: Vec<String>,
}

impl Notice {
    /// What makes two notices one message: the day, the incident, the week.
    pub fn key(&self) -> String {
        match self {
            Self::Digest(digest) => digest.day.to_string(),
            Self::Alert(alert) => alert.incident.clone(),
            Self::Weekly(weekly) => weekly.week.to_string(),
        }
    }

    pub fn is_resolved(&self) -> bool {
        matches!(self, Self::Alert(Alert { resolved_at: Some(_), .. }))
    }
}
