//! One row on its way: which call it is, whether it arrived before, and where it arrived.
use super::found::{self, MARK};
use super::{Lane, Prepared};
use crate::db::outbox::{self, OutKind, Row};
use crate::db::{self};
use crate::slack::api::ApiError;
use crate::slack::blocks::limits;
use crate::slack::{asking, cards};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// How a delivery ended well.
pub enum Delivered {
    /// The `ts` of a message, the id of a file or view.
    At(String),
    /// There was nothing (left) to send.
    Nothing,
}

/// How it did not.
pub struct Failure {
    pub error: ApiError,
    /// It may have arrived all the same.
    pub uncertain: bool,
    /// It was never made, and that is no fault of Slack's.
    pub ours: bool,
}

impl Failure {
    /// Of a call that would have carried it out: without a word of Slack's it may have.
    fn of(error: ApiError) -> Self {
        let uncertain = matches!(error, ApiError::Broken(_));
        Self { error, uncertain, ours: false }
    }

    /// Of a call before that one: as uncertain as it was.
    fn before(error: ApiError, row: &Row) -> Self {
        Self { error, uncertain: row.uncertain, ours: false }
    }

    fn malformed(what: &str) -> Self {
        let error = ApiError::Refused { code: "malformed_row".to_owned(), detail: vec![what.to_owned()] };
        Self { error, uncertain: false, ours: true }
    }
}

type End = Result<Delivered, Failure>;

/// A file of which the bytes are there and nobody sees it yet.
const DEPOSITED: &str = "deposited:";

impl Lane {
    /// The outer error is the database's: the row stays in hand until the lease ends.
    pub(super) async fn deliver(&self, row: &Row) -> Result<End, db::Error> {
        let before = row.external_ref.as_deref();
        if let Some(place) = before.filter(|place| !place.starts_with(DEPOSITED)) {
            return Ok(Ok(Delivered::At(place.to_owned())));
        }
        let prepared = match row.kind {
            OutKind::Card => match cards::render(&self.slack, self.org, row).await {
                Ok(Some(prepared)) => prepared,
                Ok(None) => return Ok(Ok(Delivered::Nothing)),
                Err(error) => {
                    // What Slack was asked for on the way keeps its meaning: a pause, a token that is gone.
                    return Ok(Err(match error.downcast::<ApiError>() {
                        Ok(error) => Failure::before(error, row),
                        Err(error) => {
                            let error = ApiError::Broken(format!("the card cannot be rendered: {error:#}"));
                            Failure { ours: true, ..Failure::before(error, row) }
                        }
                    }));
                }
            },
            OutKind::Message | OutKind::Update | OutKind::Dm | OutKind::File => Prepared {
                method: row.payload["method"].as_str().unwrap_or_default().to_owned(),
                args: row.payload["args"].clone(),
            },
            OutKind::Email => return Ok(Err(Failure::malformed("an e-mail is not for Slack"))),
        };
        let Prepared { method, mut args } = prepared;
        if !args.is_object() {
            return Ok(Err(Failure::malformed("no arguments")));
        }
        for (key, field) in [("ts_of", "ts"), ("thread_of", "thread_ts")] {
            let Some(earlier) = row.payload[key].as_str() else { continue };
            let mut tx = self.db().org(self.org).await?;
            let place = outbox::reference(&mut tx, self.org, earlier).await?;
            tx.commit().await?;
            match place {
                Some(place) => args[field] = place.into(),
                None => return Ok(Err(Failure::malformed("the message it belongs to never arrived"))),
            }
        }
        if let Some(user) = args["channel"].as_str().filter(|id| id.starts_with(['U', 'W'])) {
            match self.slack.open_conversation(self.org, user).await? {
                Ok(channel) => args["channel"] = channel.into(),
                Err(error) => return Ok(Err(Failure::before(error, row))),
            }
        }
        if row.kind == OutKind::File {
            self.file(row, &args).await
        } else {
            Ok(self.call(row, &method, args).await)
        }
    }

    async fn call(&self, row: &Row, method: &str, mut args: Value) -> End {
        let api = &self.slack.inner.api;
        if method == "chat.postMessage" {
            if row.uncertain
                && let Some(place) = self.arrived_before(row, &args, found::message).await?
            {
                return Ok(Delivered::At(place));
            }
            mark(row, &mut args);
        }
        if row.plain {
            without_blocks(&mut args);
        }
        let answer = api.call(method, &args).await.map_err(Failure::of)?;
        let place = ["ts", "message_ts"].iter().find_map(|key| answer[*key].as_str());
        let place = place.or_else(|| answer["view"]["id"].as_str()).or_else(|| args["ts"].as_str());
        Ok(Delivered::At(place.unwrap_or("-").to_owned()))
    }

    /// Where an earlier try of this row arrived. When Slack does not let us look, it is sent again: twice is better
    /// than never.
    async fn arrived_before(
        &self,
        row: &Row,
        args: &Value,
        matches: found::Matches,
    ) -> Result<Option<String>, Failure> {
        match found::place(&self.slack.inner.api, args, row, matches).await {
            Ok(place) => Ok(place),
            Err(ApiError::Refused { code, .. }) => {
                tracing::warn!(
                    channel = row.channel_ref,
                    code,
                    "whether a message arrived cannot be seen; it is sent again"
                );
                Ok(None)
            }
            Err(error @ (ApiError::Limited { .. } | ApiError::Broken(_) | ApiError::Gone)) => {
                Err(Failure::before(error, row))
            }
        }
    }

    /// The bytes first, which may be lost without harm; that they are there is noted before the file is shown.
    async fn file(&self, row: &Row, args: &Value) -> Result<End, db::Error> {
        let api = &self.slack.inner.api;
        let file = &row.payload["file"];
        let text = |key: &str| file[key].as_str().unwrap_or_default();
        let Some(channel) = args["channel"].as_str() else {
            return Ok(Err(Failure::malformed("no channel")));
        };
        let deposited = row.external_ref.as_deref().and_then(|place| place.strip_prefix(DEPOSITED));
        let id = match deposited {
            Some(id) => {
                if row.uncertain {
                    match self.arrived_before(row, args, found::file).await {
                        Ok(Some(_)) => return Ok(Ok(Delivered::At(id.to_owned()))),
                        Ok(None) => {}
                        Err(failure) => return Ok(Err(failure)),
                    }
                }
                id.to_owned()
            }
            None => {
                let Ok(bytes) = STANDARD.decode(text("base64")) else {
                    return Ok(Err(Failure::malformed("the file's bytes are not base64")));
                };
                let id = match api.deposit(text("name"), bytes).await {
                    Ok(id) => id,
                    Err(error) => return Ok(Err(Failure { error, uncertain: false, ours: false })),
                };
                let mut tx = self.db().org(self.org).await?;
                outbox::arrived(&mut tx, self.org, row.id, &self.owner, &format!("{DEPOSITED}{id}")).await?;
                tx.commit().await?;
                id
            }
        };
        let shared = api.share(&id, text("title"), channel, args["thread_ts"].as_str()).await;
        Ok(shared.map(|()| Delivered::At(id)).map_err(Failure::of))
    }

    /// Tells whoever waits for it where a row arrived. It may be told twice.
    pub(super) async fn hand_back(&self, row: &Row, place: &str) -> anyhow::Result<()> {
        let to = row.payload["then"]["to"].as_str();
        match (row.kind, to) {
            (OutKind::Card, _) | (_, Some("cards")) => cards::sent(&self.slack, self.org, row, place).await,
            (_, Some("asking")) => asking::sent(&self.slack, self.org, row, place).await,
            _ => Ok(()),
        }
    }
}

/// The row's id in the message's metadata, by which it is found again. Metadata is a flat map of texts.
fn mark(row: &Row, args: &mut Value) {
    if !args["metadata"].is_object() {
        args["metadata"] = json!({"event_type": "adjutant_outbox", "event_payload": {}});
    }
    args["metadata"]["event_payload"][MARK] = row.id.to_string().into();
}

fn without_blocks(args: &mut Value) {
    let text = limits::cut(args["text"].as_str().unwrap_or_default());
    if let Some(fields) = args.as_object_mut() {
        fields.retain(|key, _| key != "blocks" && key != "attachments");
        let text = if text.is_empty() { "This message cannot be shown here.".to_owned() } else { text };
        fields.insert("text".to_owned(), text.into());
    }
}
