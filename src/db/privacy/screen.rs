//! Rows on their way in: those of people who were erased are left out, or come without them.
use super::rules::{Fate, Of, RULES, Rule, To};
use super::{Gate, Marker, pass, tombstones};
use crate::db::{Error, OrgTx};
use crate::ids::OrgId;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

type Row = Map<String, Value>;

/// Whether rows of a table are about people.
pub(super) fn rule_of(table: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.table == table)
}

/// Gives the rows that may be stored, as they may be stored; `None`: all of them, as they are.
pub(in crate::db) async fn screen(
    tx: &mut OrgTx,
    org: OrgId,
    table: &str,
    rows: &[Row],
) -> Result<Option<Vec<Row>>, Error> {
    let Some(rule) = rule_of(table) else { return Ok(None) };
    pass(tx, org, Gate::Facts).await?;
    if !tombstones::any(tx, org).await? {
        return Ok(None);
    }
    let marker = Marker::of(tx, org).await?;
    let mut marks: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for name in rows.iter().filter(|row| fits(rule, row)).flat_map(|row| names(rule, row)) {
        marks.entry(name).or_insert_with_key(|name| marker.mark(name));
    }
    let all: Vec<Vec<u8>> = marks.values().cloned().collect();
    let erased = tombstones::among(tx, org, &all).await?;
    if erased.is_empty() {
        return Ok(None);
    }
    let is_erased = |row: &Row| {
        fits(rule, row)
            && names(rule, row).any(|name| marks.get(&name).is_some_and(|mark| erased.contains(mark)))
    };
    let (mut kept, mut also) = (Vec::with_capacity(rows.len()), Vec::new());
    for row in rows {
        match (is_erased(row), rule.fate) {
            (false, _) => kept.push(row.clone()),
            // Known by an address, it has another id: that one is theirs as well.
            (true, Fate::Delete) => {
                also.extend(row.get("id").and_then(Value::as_str).map(|id| marker.mark(id)));
            }
            (true, Fate::Clear(changes)) => kept.push(cleared(row, changes)),
        }
    }
    also.retain(|mark| !erased.contains(mark));
    tombstones::add_derived(tx, org, &also).await?;
    Ok(Some(kept))
}

/// The same for writers that do not go through the facts.
pub async fn fit(tx: &mut OrgTx, org: OrgId, table: &str, rows: Vec<Row>) -> Result<Vec<Row>, Error> {
    Ok(screen(tx, org, table, &rows).await?.unwrap_or(rows))
}

fn fits(rule: &Rule, row: &Row) -> bool {
    rule.only.is_none_or(|(column, value)| row.get(column).and_then(Value::as_str) == Some(value))
}

/// What a row calls its person; bytes as hex.
fn names<'a>(rule: &'a Rule, row: &'a Row) -> impl Iterator<Item = String> + 'a {
    rule.keys.iter().filter_map(|key| {
        let text = row.get(key.column)?.as_str().filter(|text| !text.is_empty())?;
        match key.of {
            Of::Hash => text.strip_prefix("\\x").map(str::to_owned),
            Of::Person | Of::Order => Some(text.to_owned()),
        }
    })
}

fn cleared(row: &Row, changes: &[(&str, To)]) -> Row {
    let mut row = row.clone();
    let own = row.get("id").and_then(Value::as_str).map(|id| format!("erased:{id}"));
    for (column, to) in changes {
        let Some(value) = row.get_mut(*column) else { continue };
        match to {
            To::Null => *value = Value::Null,
            To::Text(text) => *value = json!(text),
            To::EmptyObject => *value = json!({}),
            To::OwnId => *value = json!(own),
            // On the way in nobody was counted yet.
            To::Alias => *value = json!(""),
            To::Keep(keys) => {
                if let Some(object) = value.as_object_mut() {
                    object.retain(|key, _| keys.contains(&key.as_str()));
                }
            }
            To::Without(keys) => {
                if let Some(object) = value.as_object_mut() {
                    object.retain(|key, _| !keys.contains(&key.as_str()));
                }
            }
        }
    }
    row
}
