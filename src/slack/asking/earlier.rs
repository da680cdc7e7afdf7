//! What earlier turns of a conversation told: an answer may quote their names too.
use super::Slack;
use super::show::quotable;
use crate::chat::TurnEventKind;
use crate::db::turns;
use crate::ids::{OrgId, TurnId};
use serde_json::json;

/// Turns that are looked back at; a model is shown no more of them word for word.
const TURNS: i64 = 6;

/// The texts of the data that turns before this one brought.
pub async fn texts(slack: &Slack, org: OrgId, turn: TurnId) -> anyhow::Result<Vec<String>> {
    let mut tx = slack.inner.app.db.org(org).await?;
    let told = turns::told_before(&mut tx, org, turn, TURNS).await?;
    tx.commit().await?;
    let kinds = told.into_iter().filter_map(|event| {
        let kind = json!({"kind": event.kind, "payload": event.payload});
        serde_json::from_value::<TurnEventKind>(kind).ok()
    });
    let mut texts: Vec<String> =
        kinds.flat_map(|kind| quotable(&kind).into_iter().map(str::to_owned).collect::<Vec<_>>()).collect();
    texts.sort_unstable();
    texts.dedup();
    Ok(texts)
}
