//! Payloads with types: what is left of a payload once its schema has been checked.
//!
//! Amounts are in the account's currency, written as decimal strings; ids are the platform's own.
use super::DraftError;
use super::action::ActionKind;
use crate::money::Currency;
use jiff::{Timestamp, civil::Date};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

#[derive(Clone, Debug, PartialEq)]
pub enum Proposal {
    Budget(Budget),
    Pause(Pause),
    Resume(Resume),
    Reallocate(Reallocation),
    Negatives(Negatives),
    Brief(Brief),
    Ad(Ad),
    Audience(Audience),
}

/// `increase_budget` and `decrease_budget`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Budget {
    pub campaign_id: String,
    pub level: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_id: Option<String>,
    pub current_daily_budget: Decimal,
    pub new_daily_budget: Decimal,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cap: Option<Decimal>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pause {
    pub campaign_id: String,
    pub reason_code: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume_at: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Resume {
    pub campaign_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_daily_budget: Option<Decimal>,
}

/// One end of a reallocation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct End {
    pub platform: String,
    pub account_id: String,
    pub currency: Currency,
    pub campaign_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_id: Option<String>,
    pub current: Decimal,
    pub new: Decimal,
}

/// Both budgets on one day of a ramp.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    pub date: Date,
    pub from_new: Decimal,
    pub to_new: Decimal,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reallocation {
    pub from: End,
    pub to: End,
    pub amount_per_day: Decimal,
    pub start_date: Date,
    pub end_date: Date,
    pub restore_at_end: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ramp: Vec<Step>,
}

/// How a keyword meets a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum MatchType {
    Exact,
    Phrase,
    Broad,
}

impl MatchType {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "EXACT",
            Self::Phrase => "PHRASE",
            Self::Broad => "BROAD",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Keyword {
    pub text: String,
    pub match_type: MatchType,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Negatives {
    pub level: String,
    pub parent_id: String,
    pub keywords: Vec<Keyword>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Section {
    pub heading: String,
    pub points: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Brief {
    pub keyword: String,
    pub target_queries: Vec<String>,
    pub intent: String,
    pub audience: String,
    pub outline: Vec<Section>,
    pub questions: Vec<String>,
    pub internal_links: Vec<String>,
    /// Fewest and most words.
    pub word_range: (u32, u32),
    pub sources: Vec<String>,
}

/// A text of an ad, perhaps pinned to a slot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    pub text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pin: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ad {
    pub campaign_id: String,
    pub ad_set_id: String,
    pub name: String,
    pub headlines: Vec<Line>,
    pub descriptions: Vec<Line>,
    /// Meta only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub primary_texts: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path1: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path2: Option<String>,
    pub final_url: String,
    /// Link tags, without a leading `?`.
    pub final_url_suffix: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_to_action: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Always false: going live is a draft of its own.
    pub enable: bool,
}

/// One ad of Meta: texts are combined by position, the longest list says how many ads there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variant<'a> {
    pub name: String,
    pub body: &'a str,
    pub title: &'a str,
    pub description: &'a str,
}

impl Ad {
    /// The ads that a proposal for Meta comes to, in sheets and in requests alike.
    pub fn variants(&self) -> Vec<Variant<'_>> {
        let many = self.primary_texts.len().max(self.headlines.len()).max(1);
        (0..many)
            .map(|i| Variant {
                name: if many == 1 { self.name.clone() } else { format!("{} {}", self.name, i + 1) },
                body: at(&self.primary_texts, i).map_or("", String::as_str),
                title: at(&self.headlines, i).map_or("", |line| line.text.as_str()),
                description: at(&self.descriptions, i).map_or("", |line| line.text.as_str()),
            })
            .collect()
    }
}

/// The item of a place, else the first.
fn at<T>(all: &[T], i: usize) -> Option<&T> {
    all.get(i).or_else(|| all.first())
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Audience {
    pub segment: String,
    pub method: String,
    pub membership_days: u32,
    pub name: String,
    pub exclude_customers: bool,
}

impl Proposal {
    /// Reads a payload that passed its schema.
    pub fn parse(kind: ActionKind, payload: &Value) -> Result<Self, DraftError> {
        Ok(match kind {
            ActionKind::IncreaseBudget | ActionKind::DecreaseBudget => Self::Budget(read(payload)?),
            ActionKind::PauseCampaign => Self::Pause(read(payload)?),
            ActionKind::ResumeCampaign => Self::Resume(read(payload)?),
            ActionKind::ReallocateBudget => Self::Reallocate(read(payload)?),
            ActionKind::AddNegativeKeyword => Self::Negatives(read(payload)?),
            ActionKind::GenerateContentBrief => Self::Brief(read(payload)?),
            ActionKind::Ad => Self::Ad(read(payload)?),
            ActionKind::RetargetingAudience => Self::Audience(read(payload)?),
        })
    }

    /// The type's own fields as stored.
    pub fn to_value(&self) -> Result<Value, DraftError> {
        match self {
            Self::Budget(p) => serde_json::to_value(p),
            Self::Pause(p) => serde_json::to_value(p),
            Self::Resume(p) => serde_json::to_value(p),
            Self::Reallocate(p) => serde_json::to_value(p),
            Self::Negatives(p) => serde_json::to_value(p),
            Self::Brief(p) => serde_json::to_value(p),
            Self::Ad(p) => serde_json::to_value(p),
            Self::Audience(p) => serde_json::to_value(p),
        }
        .map_err(|e| DraftError::Broken(format!("a payload cannot be written: {e}")))
    }
}

fn read<T: DeserializeOwned>(payload: &Value) -> Result<T, DraftError> {
    T::deserialize(payload).map_err(|e| DraftError::payload("", format!("The payload cannot be read: {e}.")))
}
