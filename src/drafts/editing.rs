//! Editing in a form: the fields of the current revision as text, and the form sent back as a revision.
use super::DraftError;
use super::action::actions;
use super::before::arguments;
use super::facts::Org;
use super::form::{self, Field};
use super::gather;
use super::load::{Loaded, load};
use super::propose::about;
use super::view::ReviseRequest;
use crate::access::{Actor, Permission};
use crate::clock::Clock;
use crate::db::{Db, OrgTx};
use crate::ids::DraftId;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// One revision, ready to be edited.
#[derive(Clone, Debug)]
pub struct Form {
    pub number: i64,
    pub revision: i32,
    /// An action id.
    pub kind: String,
    pub title: String,
    pub fields: Vec<Field>,
}

impl Form {
    /// The form sent back: a request for the next revision. Refuses text that cannot be read, at its field.
    pub fn request(&self, filled: &BTreeMap<String, String>) -> Result<ReviseRequest, DraftError> {
        let action = actions()?.named(&self.kind)?;
        let changes = form::changes(action, &self.fields, filled)?;
        Ok(ReviseRequest { revision: self.revision, changes })
    }
}

/// The editable fields of the current revision, with what stands there now.
pub async fn editing(db: &Db, clock: &dyn Clock, actor: &Actor, id: DraftId) -> Result<Form, DraftError> {
    actor.require(Permission::DraftRevise).map_err(|missing| DraftError::missing(missing.0))?;
    let mut tx = db.org(actor.org).await?;
    let loaded = load(&mut tx, actor.org, id).await?;
    let org = gather::org(&mut tx, actor.org, clock.now()).await?;
    let args = current_arguments(&mut tx, actor, org, &loaded).await?;
    Ok(Form {
        number: loaded.draft.number,
        revision: loaded.draft.revision,
        kind: loaded.draft.kind.clone(),
        title: loaded.title(),
        fields: form::fields(loaded.action, &args),
    })
}

/// The arguments that would make the current revision again.
pub(super) async fn current_arguments(
    tx: &mut OrgTx,
    actor: &Actor,
    org: Org,
    loaded: &Loaded,
) -> Result<Map<String, Value>, DraftError> {
    let proposal = loaded.proposal()?;
    let about = about(tx, actor.org, &loaded.draft, &proposal).await?;
    let facts = gather::facts(tx, actor.org, org, &about, &proposal, &loaded.draft.platform).await?;
    let mut args = arguments(&proposal, &loaded.current()?.payload, &facts)?;
    if loaded.draft.kind == "retargeting_audience" {
        args.insert("platform".to_owned(), serde_json::json!(loaded.draft.platform));
    }
    Ok(args)
}
