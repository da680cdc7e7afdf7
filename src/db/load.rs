//! Bulk loading of fact rows: typed records travel as one text a table and are merged by one statement.
//!
//! COPY is refused under row-level security and role app may not make temporary tables, so the server splits the text
//! itself. The merge collapses duplicate keys (the last row wins) and writes only rows that differ, so loading the
//! same data twice changes nothing.
use crate::db::{Db, Error};
use crate::ids::OrgId;
use jiff::{Timestamp, civil::Date};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use uuid::Uuid;

/// An amount in millionths of the currency unit: exact for cents times a rate of four decimals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Micros(pub i64);

impl Micros {
    pub fn from_cents(cents: i64) -> Self {
        Self(cents * 10_000)
    }

    pub fn as_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }
}

impl std::ops::Add for Micros {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl std::ops::Sub for Micros {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl std::ops::AddAssign for Micros {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl std::iter::Sum for Micros {
    fn sum<I: Iterator<Item = Self>>(values: I) -> Self {
        Self(values.map(|v| v.0).sum())
    }
}

/// Separators that no text of ours holds: between fields, after rows, and the mark of null.
const FIELD: char = '\u{1f}';
const ROW: char = '\u{1e}';
const NULL: char = '\u{1d}';

/// The rows of a table under construction.
#[derive(Default)]
pub struct Line {
    text: String,
    fields: usize,
}

impl Line {
    pub fn field(&mut self, value: &impl Field) {
        if self.fields > 0 {
            self.text.push(FIELD);
        }
        self.fields += 1;
        value.put(&mut self.text);
    }

    fn end(&mut self) {
        self.text.push(ROW);
        self.fields = 0;
    }
}

/// A value that can be written as one field, in PostgreSQL's own input format.
pub trait Field {
    fn put(&self, out: &mut String);
}

/// Text as it is, without what means something to us or nothing to PostgreSQL.
fn plain(text: &str, out: &mut String) {
    out.extend(text.chars().filter(|c| !matches!(*c, FIELD | ROW | NULL | '\0')));
}

macro_rules! displayed {
    ($($kind:ty),*) => {$(
        impl Field for $kind {
            fn put(&self, out: &mut String) {
                let _ = write!(out, "{self}");
            }
        }
    )*};
}
displayed!(i16, i32, i64, f64, Date, Timestamp, Uuid);

impl Field for bool {
    fn put(&self, out: &mut String) {
        out.push(if *self { 't' } else { 'f' });
    }
}

impl Field for Micros {
    fn put(&self, out: &mut String) {
        let sign = if self.0 < 0 { "-" } else { "" };
        let value = self.0.unsigned_abs();
        let _ = match value % 1_000_000 {
            0 => write!(out, "{sign}{}", value / 1_000_000),
            rest => write!(out, "{sign}{}.{rest:06}", value / 1_000_000),
        };
    }
}

impl Field for str {
    fn put(&self, out: &mut String) {
        plain(self, out);
    }
}

impl Field for &'static str {
    fn put(&self, out: &mut String) {
        plain(self, out);
    }
}

impl Field for String {
    fn put(&self, out: &mut String) {
        plain(self, out);
    }
}

impl Field for Arc<str> {
    fn put(&self, out: &mut String) {
        plain(self, out);
    }
}

impl Field for serde_json::Value {
    fn put(&self, out: &mut String) {
        plain(&self.to_string(), out);
    }
}

impl<T: Field> Field for Option<T> {
    fn put(&self, out: &mut String) {
        match self {
            Some(value) => value.put(out),
            None => out.push(NULL),
        }
    }
}

/// A bytea, in hex form.
#[derive(Clone, Debug, PartialEq)]
pub struct Bytes(pub Vec<u8>);

impl Field for Bytes {
    fn put(&self, out: &mut String) {
        out.push_str("\\x");
        for byte in &self.0 {
            let _ = write!(out, "{byte:02x}");
        }
    }
}

impl Field for Vec<String> {
    fn put(&self, out: &mut String) {
        let items: Vec<String> =
            self.iter().map(|t| format!("\"{}\"", t.replace('\\', "\\\\").replace('"', "\\\""))).collect();
        plain(&format!("{{{}}}", items.join(",")), out);
    }
}

/// A row of one fact table. Column names are the table's own, `org_id` and provenance left out.
pub trait Record {
    const TABLE: &'static str;
    /// The primary key without `org_id`.
    const KEY: &'static [&'static str];
    const COLUMNS: &'static [&'static str];
    fn put(&self, line: &mut Line);
}

/// All rows for one table, as text.
pub struct Table {
    pub name: &'static str,
    pub key: &'static [&'static str],
    pub columns: &'static [&'static str],
    pub rows: usize,
    pub text: String,
}

impl Table {
    pub fn of<R: Record>(rows: &[R]) -> Self {
        let mut line = Line::default();
        line.text.reserve(rows.len() * 96);
        for row in rows {
            row.put(&mut line);
            line.end();
        }
        Self { name: R::TABLE, key: R::KEY, columns: R::COLUMNS, rows: rows.len(), text: line.text }
    }
}

/// Something that can be loaded: tables in an order that satisfies foreign keys.
pub trait Tables {
    /// The instant written as `first_seen_at`, `updated_at` and `created_at`.
    fn recorded_at(&self) -> Timestamp;
    /// First and last day of the rows: their monthly partitions are made before they are written.
    fn span(&self) -> (Date, Date);
    fn tables(&self) -> Vec<Table>;
}

/// What a load did, summed over tables. `written` counts rows inserted or changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    pub read: u64,
    pub written: u64,
    /// Rows read and written, by table.
    pub tables: Vec<(&'static str, u64, u64)>,
}

/// Loads every table of `data` for one organisation in one transaction of role app.
pub async fn dataset(db: &Db, org: OrgId, data: &impl Tables) -> Result<Loaded, Error> {
    let at = data.recorded_at();
    let (first, last) = data.span();
    db.ensure_partitions(first, last).await?;
    let mut tx = db.org(org).await?;
    let mut loaded = Loaded::default();
    for table in data.tables() {
        let written = merge(&mut tx, org, at, &table).await?;
        if super::sums::FAMILIES.iter().any(|family| family.rows == table.name) && written > 0 {
            super::sums::stale(&mut tx, org, Some((first, last))).await?;
        }
        loaded.read += table.rows as u64;
        loaded.written += written;
        loaded.tables.push((table.name, table.rows as u64, written));
    }
    tx.commit().await?;
    if loaded.written > 0 {
        db.refresh_statistics().await?;
    }
    Ok(loaded)
}

async fn merge(tx: &mut sqlx::PgConnection, org: OrgId, at: Timestamp, table: &Table) -> Result<u64, Error> {
    let types: BTreeMap<String, String> = sqlx::query_as(
        "select attname::text, format_type(atttypid, atttypmod) from pg_attribute
         where attrelid = $1::regclass and attnum > 0 and not attisdropped",
    )
    .bind(table.name)
    .fetch_all(&mut *tx)
    .await?
    .into_iter()
    .collect();
    if let Some(column) = table.columns.iter().find(|c| !types.contains_key(**c)) {
        return Err(Error::ColumnNotFound(format!("{}.{column}", table.name)));
    }
    let done = sqlx::query(sqlx::AssertSqlSafe(upsert(table, &types)))
        .bind(org)
        .bind(at.to_string())
        .bind(&table.text)
        .execute(&mut *tx)
        .await?;
    Ok(done.rows_affected())
}

/// The merge statement: `$1` is the organisation, `$2` the instant of recording, `$3` the rows.
fn upsert(table: &Table, types: &BTreeMap<String, String>) -> String {
    let (name, key) = (table.name, table.key.join(", "));
    let mut into: Vec<&str> = table.columns.to_vec();
    let mut from: Vec<&str> = table.columns.to_vec();
    for column in ["first_seen_at", "created_at", "updated_at"] {
        if types.contains_key(column) && !table.columns.contains(&column) {
            into.push(column);
            from.push("$2::timestamptz");
        }
    }
    let hashed = types.contains_key("row_hash");
    if hashed {
        into.push("row_hash");
        from.push("sha256(convert_to(fresh.load_text, 'UTF8'))");
    }
    let values: Vec<&str> = table.columns.iter().copied().filter(|c| !table.key.contains(c)).collect();
    let mut set: Vec<String> = values.iter().map(|c| format!("{c} = excluded.{c}")).collect();
    let mut differs = if hashed {
        set.push("row_hash = excluded.row_hash".to_owned());
        format!("{name}.row_hash is distinct from excluded.row_hash")
    } else {
        let side = |of: &str| values.iter().map(|c| format!("{of}.{c}")).collect::<Vec<_>>().join(", ");
        format!("({}) is distinct from ({})", side(name), side("excluded"))
    };
    if types.contains_key("updated_at") && !table.columns.contains(&"updated_at") {
        set.push("updated_at = excluded.updated_at".to_owned());
    }
    if types.contains_key("rolled") {
        // A computed row is theirs now who load it.
        set.push("rolled = false".to_owned());
        differs = format!("({differs} or {name}.rolled)");
    }
    let conflict = if values.is_empty() {
        "do nothing".to_owned()
    } else {
        format!("do update set {} where {differs}", set.join(", "))
    };
    let cast: Vec<String> = table
        .columns
        .iter()
        .enumerate()
        .map(|(i, c)| format!("f[{}]::{} as {c}", i + 1, types[*c]))
        .collect();
    format!(
        "insert into {name} (org_id, {into})
         select $1, {from} from (
           select distinct on ({key}) * from (
             select {cast}, load_row, load_text
             from string_to_table($3, E'\\x1e') with ordinality as lines (load_text, load_row),
                  string_to_array(load_text, E'\\x1f', E'\\x1d') as f
             where load_text <> ''
           ) typed order by {key}, load_row desc
         ) fresh
         on conflict (org_id, {key}) {conflict}",
        into = into.join(", "),
        from = from.join(", "),
        cast = cast.join(", "),
    )
}
