//! The conversation of one person with us: `D…` for Slack, for the outbox one queue with what is addressed to the person.
use super::Slack;
use super::api::ApiError;
use super::wire::{ChannelKind, Inbound};
use crate::db::{self, slack::conversations};
use crate::ids::OrgId;
use serde_json::json;
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

/// What this process has noted already, so that not every message is a write.
#[derive(Default)]
pub(crate) struct Noted(Mutex<HashSet<(OrgId, String)>>);

impl Slack {
    /// Opens the conversation with a person, and notes whose it is before anything is addressed to it. The outer error is
    /// the database's.
    pub(crate) async fn open_conversation(
        &self,
        org: OrgId,
        user: &str,
    ) -> Result<Result<String, ApiError>, db::Error> {
        let opened = match self.inner.api.call("conversations.open", &json!({"users": user})).await {
            Ok(opened) => opened,
            Err(error) => return Ok(Err(error)),
        };
        let Some(channel) = opened["channel"]["id"].as_str() else {
            return Ok(Err(ApiError::Broken("a conversation without an id".to_owned())));
        };
        self.note_conversation(org, user, channel).await?;
        Ok(Ok(channel.to_owned()))
    }

    /// Notes whose conversation it came from, before anything is answered there. Commands and clicks do not tell: they come
    /// from conversations of two people, too.
    pub(crate) async fn note_where(&self, org: OrgId, inbound: &Inbound) -> Result<(), db::Error> {
        let (Inbound::Said { origin, .. } | Inbound::HomeOpened { origin, .. }) = inbound else {
            return Ok(());
        };
        match &origin.channel {
            Some(channel)
                if origin.channel_kind == ChannelKind::Dm && !origin.is_bot && !origin.user.is_empty() =>
            {
                self.note_conversation(org, &origin.user, channel).await
            }
            _ => Ok(()),
        }
    }

    async fn note_conversation(&self, org: OrgId, user: &str, channel: &str) -> Result<(), db::Error> {
        let key = (org, channel.to_owned());
        let noted = || self.inner.noted.0.lock().unwrap_or_else(PoisonError::into_inner);
        if noted().contains(&key) {
            return Ok(());
        }
        let app = &self.inner.app;
        let mut tx = app.db.org(org).await?;
        conversations::remember(&mut tx, org, user, channel, app.clock.now()).await?;
        tx.commit().await?;
        noted().insert(key);
        Ok(())
    }
}
