//! What a full list leaves out.
use super::DbSink;
use crate::db::OrgTx;
use crate::db::facts::synced;
use crate::platforms::contract::Shape;
use crate::platforms::rows::Rows;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeSet;

impl DbSink<'_> {
    /// The campaigns of a full list.
    pub(super) fn listed(&self, rows: &[(Option<Timestamp>, Rows)]) -> Option<BTreeSet<String>> {
        let lists = matches!(self.stream.shape, Shape::Listing);
        let campaigns = |(_, rows): &(Option<Timestamp>, Rows)| {
            let Rows::Campaigns(rows) = rows else { return None };
            Some(rows.iter().map(|row| row.id.clone()).collect::<Vec<_>>())
        };
        let mut found = rows.iter().filter_map(campaigns).peekable();
        (lists && found.peek().is_some()).then(|| found.flatten().collect())
    }

    /// What two full lists in a row leave out is removed (`connectors.md` §1.3); what one does is remembered.
    pub(super) async fn absent(
        &self,
        tx: &mut OrgTx,
        mut cursor: Value,
        listed: &BTreeSet<String>,
    ) -> Result<Value, sqlx::Error> {
        let present = synced::present(tx, self.org, self.source.id).await?;
        let missing = present.into_iter().filter(|id| !listed.contains(id));
        let before = self.cursor.get("absent").and_then(Value::as_array).cloned().unwrap_or_default();
        let (gone, absent): (Vec<String>, Vec<String>) = missing.partition(|id| before.contains(&json!(id)));
        synced::mark_removed(tx, self.org, &gone, self.clock.now()).await?;
        if let (Some(object), false) = (cursor.as_object_mut(), absent.is_empty()) {
            object.insert("absent".to_owned(), json!(absent));
        }
        Ok(cursor)
    }
}
