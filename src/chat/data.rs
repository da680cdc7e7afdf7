//! The rows behind an answer, for whoever may see them.
use super::{Error, Service, history};
use crate::access::Actor;
use crate::catalogue::QueryResult;
use crate::db::turns;
use crate::ids::{ConversationId, RunId, TurnId};

impl Service {
    /// The conversation of a turn, for who may read it.
    pub async fn conversation_of(&self, actor: &Actor, turn: TurnId) -> Result<ConversationId, Error> {
        self.readable_turn(actor, turn).await
    }

    /// The stored result of a query that a turn ran: for who may read the turn and run that query now.
    pub async fn result(&self, actor: &Actor, turn: TurnId, run: RunId) -> Result<QueryResult, Error> {
        self.readable_turn(actor, turn).await?;
        let mut tx = self.inner.db.org(actor.org).await?;
        let calls = turns::calls(&mut tx, actor.org, turn).await?;
        if !calls.iter().any(|call| call.run_id == Some(run)) {
            return Err(Error::NotFound("result"));
        }
        let mut found = history::stored_results(&mut tx, actor.org, &[run]).await?;
        tx.commit().await?;
        let result = found.remove(&run).ok_or(Error::NotFound("result"))?;
        if let Some(query) = self.inner.tools.catalogue.queries.get(&result.query) {
            actor.require(query.access.permission)?;
        }
        Ok(*result)
    }
}
