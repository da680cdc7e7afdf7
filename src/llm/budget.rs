//! What an organisation may spend on models in an hour; when it is spent, that is said and the next link answers.
use super::settings::Budget as BudgetSettings;
use super::{ChatModel, ChatRequest, ChatStream, ModelError};
use crate::clock::SharedClock;
use crate::db::{self, Db};
use async_trait::async_trait;
use jiff::{Timestamp, Unit};
use rust_decimal::Decimal;
use std::sync::Arc;

/// A model behind the hourly budget of the asking organisation.
pub struct Budget {
    pub inner: Arc<dyn ChatModel>,
    pub db: Db,
    pub clock: SharedClock,
    pub settings: BudgetSettings,
}

/// The beginning of the hour that counts.
pub(super) fn hour(now: Timestamp) -> Timestamp {
    let second = now.as_second();
    Timestamp::from_second(second - second.rem_euclid(3600)).unwrap_or(now)
}

#[async_trait]
impl ChatModel for Budget {
    fn name(&self) -> &str {
        self.inner.name()
    }

    async fn stream(&self, request: ChatRequest) -> Result<ChatStream, ModelError> {
        let start = hour(self.clock.now());
        let spent = db::usage::spent(&self.db, request.actor.org, start).await;
        let spent = spent.map_err(|error| {
            tracing::error!(%error, "the model budget cannot be read");
            ModelError::Unreachable("the budget cannot be read".to_owned())
        })?;
        let tokens = spent.tokens_limit.unwrap_or_else(|| Decimal::from(self.settings.tokens_per_hour));
        let cost = spent.cost_limit.unwrap_or(self.settings.cost_per_hour);
        if spent.tokens >= tokens || spent.cost >= cost {
            let renews = start
                .checked_add(jiff::SignedDuration::from_hours(1))
                .ok()
                .and_then(|at| at.to_zoned(jiff::tz::TimeZone::UTC).round(Unit::Minute).ok())
                .map(|at| at.strftime("%H:%M UTC").to_string())
                .unwrap_or_default();
            return Err(ModelError::Budget(format!(
                "This hour's model budget is spent; it renews at {renews}."
            )));
        }
        self.inner.stream(request).await
    }
}
