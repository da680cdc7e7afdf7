//! A draft as a file that somebody can load into the platform (`actions.md` §13).
//!
//! Text that came from data can never act in a spreadsheet: cells that start like a formula are prefixed.
mod csv;
mod editor;
mod list;
mod markdown;
mod meta;

use super::DraftError;
use super::action::{Action, ExportFormat};
use super::payload::Hash;
use super::proposal::Proposal;
use super::requests::{Target, requests, rollback_requests};
use super::stages::{Stage, due, stages};
use super::words::instant;
use crate::db::drafts::kinds::DraftState;
use crate::money::Currency;
use jiff::Timestamp;
use jiff::civil::Date;
pub use list::Person;
use serde_json::{Value, json};

/// All that a file is made of.
pub struct Sheet<'a> {
    pub action: &'a Action,
    pub title: &'a str,
    pub number: i64,
    pub revision: i32,
    pub state: DraftState,
    pub platform: &'a str,
    pub account_id: &'a str,
    pub currency: Currency,
    pub payload_hash: Hash,
    pub payload: &'a Value,
    pub before: &'a Value,
    pub rollback_plan: &'a Value,
    pub diff: &'a [String],
    pub proposal: &'a Proposal,
    /// Names that the platform's sheets ask for: of the campaign (donor), the receiver, the ad group.
    pub campaign_name: &'a str,
    pub other_name: &'a str,
    pub ad_group_name: &'a str,
    pub approvers: &'a [String],
    pub at: Timestamp,
    /// The organisation's day.
    pub today: Date,
    /// Consenting members of the segment; only for lists of an approved draft.
    pub people: &'a [Person],
    /// The reader may not have people's hashes: a list says how many there are, and no more.
    pub masked: bool,
    /// Not approved yet: the file says so in its first row and asks the platform to validate only.
    pub preview: bool,
}

/// A file ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportFile {
    pub name: String,
    pub content_type: &'static str,
    pub body: Vec<u8>,
}

impl Sheet<'_> {
    /// One line that says which decision the file carries.
    fn stamp(&self) -> String {
        let approvers =
            if self.approvers.is_empty() { "nobody".to_owned() } else { self.approvers.join("; ") };
        format!(
            "Adjutant draft {} revision {}; payload_hash {}; approved by {approvers}; {}",
            self.number,
            self.revision,
            self.payload_hash,
            instant(self.at)
        )
    }

    fn watermark(&self) -> Option<String> {
        self.preview.then(|| format!("PREVIEW: this draft is {}, do not upload", self.state.words()))
    }

    /// The stage of a reallocation that a sheet made today carries: a sheet has no dates, so it holds one day's budgets.
    fn stage(&self) -> Option<(usize, usize, Stage)> {
        let Proposal::Reallocate(r) = self.proposal else { return None };
        let all = stages(r);
        due(&all, self.today).map(|(place, stage)| (place, all.len(), stage))
    }

    fn target(&self) -> Target<'_> {
        Target {
            platform: self.platform,
            account_id: self.account_id,
            currency: self.currency,
            dry_run: self.preview,
        }
    }
}

/// Renders one format; refuses those that the type or the platform does not have.
pub fn export(sheet: &Sheet<'_>, format: ExportFormat) -> Result<ExportFile, DraftError> {
    let formats = formats(sheet.action, sheet.proposal, sheet.platform);
    if !formats.contains(&format) {
        let known: Vec<String> = formats.iter().map(ToString::to_string).collect();
        let message = format!(
            "{} on {} has no export '{format}'; one of: {}.",
            sheet.action.kind(),
            sheet.platform,
            known.join(", ")
        );
        return Err(DraftError::choice("/format", message, known));
    }
    let (extension, content_type, body) = match format {
        ExportFormat::Editor => ("csv", "text/csv; charset=utf-8", editor::sheet(sheet)?),
        ExportFormat::Meta => ("csv", "text/csv; charset=utf-8", meta::sheet(sheet)?),
        ExportFormat::List => list::sheet(sheet)?,
        ExportFormat::Json => ("json", "application/json", action_json(sheet)?),
        ExportFormat::Markdown => {
            ("md", "text/markdown; charset=utf-8", markdown::document(sheet).into_bytes())
        }
    };
    let day = match (format, sheet.stage()) {
        (ExportFormat::Editor | ExportFormat::Meta, Some((.., stage))) => format!("_{}", stage.on),
        _ => String::new(),
    };
    let kind = sheet.action.kind();
    let name = format!("adjutant_{}_r{}_{kind}{day}.{extension}", sheet.number, sheet.revision);
    Ok(ExportFile { name, content_type, body })
}

/// The formats of a type that make sense on its platforms; the first is the default.
pub fn formats(action: &Action, proposal: &Proposal, platform: &str) -> Vec<ExportFormat> {
    let touches = |name: &str| match proposal {
        Proposal::Reallocate(r) => r.from.platform == name || r.to.platform == name,
        Proposal::Budget(_)
        | Proposal::Pause(_)
        | Proposal::Resume(_)
        | Proposal::Negatives(_)
        | Proposal::Brief(_)
        | Proposal::Ad(_)
        | Proposal::Audience(_) => platform == name,
    };
    let fits = |format: &ExportFormat| match format {
        ExportFormat::Editor => touches("google_ads"),
        ExportFormat::Meta => touches("meta_ads"),
        ExportFormat::Json | ExportFormat::List | ExportFormat::Markdown => true,
    };
    action.file.exports.iter().copied().filter(fits).collect()
}

/// `adjutant.action/v1`: the exact requests that execution would send, without credentials.
fn action_json(sheet: &Sheet<'_>) -> Result<Vec<u8>, DraftError> {
    let target = sheet.target();
    let document = json!({
        "schema": "adjutant.action/v1",
        "draft": sheet.number,
        "revision": sheet.revision,
        "payload_hash": sheet.payload_hash,
        "state": sheet.state,
        "preview": sheet.preview,
        "approvers": sheet.approvers,
        "time": sheet.at,
        "type": sheet.action.kind(),
        "platform": sheet.platform,
        "payload": sheet.payload,
        "before": sheet.before,
        "requests": requests(sheet.proposal, &target)?,
        "rollback": rollback(sheet, &target)?,
        "diff": sheet.diff,
    });
    let mut body =
        serde_json::to_vec_pretty(&document).map_err(|e| DraftError::Broken(format!("no JSON: {e}")))?;
    body.push(b'\n');
    Ok(body)
}

/// The plan's steps, each with the request it comes to where that is known before execution.
fn rollback(sheet: &Sheet<'_>, target: &Target<'_>) -> Result<Vec<Value>, DraftError> {
    let steps = sheet.rollback_plan.as_array().into_iter().flatten();
    steps
        .map(|step| {
            let mut step = step.clone();
            let one = rollback_requests(sheet.proposal, &json!([step]), target)?;
            if let Some(request) = one.into_iter().next() {
                step["request"] = json!(request);
            }
            Ok(step)
        })
        .collect()
}

#[cfg(test)]
mod tests;
