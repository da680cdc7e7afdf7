//! Takes a person out of every table: by the rules for rows, by their ids and addresses for words.
use super::rules::{BYTES, COPIES, FILES, Fate, Key, Of, RULES, Rule, To, WORDS_OF, Words};
use super::subject::Person;
use crate::db::{Error, OrgTx};
use crate::ids::OrgId;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use sqlx::AssertSqlSafe;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// What was done: rows by table. No ids.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    pub rows: BTreeMap<&'static str, u64>,
    /// Segments of theirs that were handed to a platform: somebody has to take them out there.
    pub audiences: Vec<uuid::Uuid>,
}

impl Report {
    pub fn total(&self) -> u64 {
        self.rows.values().sum()
    }

    fn add(&mut self, table: &'static str, rows: u64) {
        if rows > 0 {
            *self.rows.entry(table).or_default() += rows;
        }
    }
}

/// Columns of the tables that are there.
pub(super) type Schema = BTreeMap<String, BTreeSet<String>>;

pub(super) async fn schema(tx: &mut OrgTx) -> Result<Schema, Error> {
    let rows: Vec<(String, String)> = sqlx::query_as(
        "select c.relname::text, a.attname::text from pg_class c
         join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
         where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition",
    )
    .fetch_all(&mut **tx)
    .await?;
    let mut schema = Schema::new();
    for (table, column) in rows {
        schema.entry(table).or_default().insert(column);
    }
    Ok(schema)
}

/// Erases a person whose links were followed ([`super::find`]) and whose marks are in. A second time finds nothing.
pub async fn erase(tx: &mut OrgTx, org: OrgId, person: &Person, chance: Uuid) -> Result<Report, Error> {
    let schema = schema(tx).await?;
    let mut report = Report { audiences: audiences(tx, org, person).await?, ..Report::default() };
    let mut named = person.clone();
    // Of an address that nobody gave only the hash is known.
    named.words.extend(addresses(tx, org, &schema, |hash| person.hashes.contains(hash)).await?);
    strike_out(tx, org, &named, &schema, &mut report).await?;
    by_rules(tx, org, person, &schema, &mut report, chance).await?;
    Ok(report)
}

/// Erases rows alone, of people whose links were not followed, and looks for them in nobody's words.
pub async fn erase_rows(tx: &mut OrgTx, org: OrgId, person: &Person, chance: Uuid) -> Result<Report, Error> {
    let schema = schema(tx).await?;
    let mut report = Report::default();
    by_rules(tx, org, person, &schema, &mut report, chance).await?;
    Ok(report)
}

async fn by_rules(
    tx: &mut OrgTx,
    org: OrgId,
    person: &Person,
    schema: &Schema,
    report: &mut Report,
    chance: Uuid,
) -> Result<(), Error> {
    for rule in RULES {
        let Some(statement) = statement(rule, schema) else { continue };
        let done = run(tx, org, statement, person, chance).await?;
        report.add(rule.table, done);
    }
    if report.total() > 0 {
        for table in FILES.iter().filter(|table| schema.contains_key(**table)) {
            let done = sqlx::query(AssertSqlSafe(format!("delete from {table} where org_id = $1")))
                .bind(org)
                .execute(&mut **tx)
                .await?;
            report.add(table, done.rows_affected());
        }
    }
    Ok(())
}

async fn run(
    tx: &mut OrgTx,
    org: OrgId,
    statement: String,
    person: &Person,
    chance: Uuid,
) -> Result<u64, Error> {
    let done = sqlx::query(AssertSqlSafe(statement))
        .bind(org)
        .bind(Person::texts(&person.ids))
        .bind(person.hashes.iter().cloned().collect::<Vec<_>>())
        .bind(Person::texts(&person.orders))
        .bind(chance.to_string())
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected())
}

/// `$1` organisation, `$2` ids, `$3` hashes, `$4` orders. Nothing where the table is not there. Names are the program's own.
pub(super) fn condition(rule: &Rule, schema: &Schema) -> Option<String> {
    let columns = schema.get(rule.table)?;
    let any = |key: &Key| match key.of {
        Of::Person => format!("{} = any($2)", key.column),
        Of::Hash => format!("{} = any($3)", key.column),
        Of::Order => format!("{} = any($4)", key.column),
    };
    let keys: Vec<String> = rule.keys.iter().filter(|key| columns.contains(key.column)).map(any).collect();
    if keys.is_empty() {
        return None;
    }
    let only = rule.only.map_or_else(String::new, |(column, value)| format!(" and {column} = '{value}'"));
    Some(format!("org_id = $1 and ({}){only}", keys.join(" or ")))
}

fn statement(rule: &Rule, schema: &Schema) -> Option<String> {
    let condition = condition(rule, schema)?;
    let table = rule.table;
    let Fate::Clear(changes) = rule.fate else {
        return Some(format!("delete from {table} where {condition}"));
    };
    let columns = schema.get(table)?;
    let there: Vec<(&str, String)> = changes
        .iter()
        .filter(|(column, _)| columns.contains(*column))
        .map(|(column, to)| (*column, value(column, *to)))
        .collect();
    let names = there.iter().map(|(column, _)| *column).collect::<Vec<_>>().join(", ");
    let values = there.iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>().join(", ");
    let mut set = there.iter().map(|(column, value)| format!("{column} = {value}")).collect::<Vec<_>>();
    // The next sync compares the whole row anew.
    set.extend(columns.contains("row_hash").then(|| "row_hash = ''".to_owned()));
    let set = set.join(", ");
    Some(format!("update {table} set {set} where {condition} and ({names}) is distinct from ({values})"))
}

fn value(column: &str, to: To) -> String {
    let list = |keys: &[&str]| keys.iter().map(|key| format!("'{key}'")).collect::<Vec<_>>().join(", ");
    match to {
        To::Null => "null".to_owned(),
        To::Text(text) => format!("'{text}'"),
        To::EmptyObject => "'{}'::jsonb".to_owned(),
        To::OwnId => "'erased:' || id".to_owned(),
        To::Alias => format!(
            "case when {column} = '' then '' else
               'erased:' || left(encode(sha256(convert_to($5 || {column}, 'UTF8')), 'hex'), 32) end"
        ),
        To::Without(keys) => format!("{column} - array[{}]", list(keys)),
        To::Keep(keys) => {
            let pairs: Vec<String> = keys.iter().map(|key| format!("'{key}', {column} -> '{key}'")).collect();
            format!("jsonb_strip_nulls(jsonb_build_object({}))", pairs.join(", "))
        }
    }
}

async fn audiences(tx: &mut OrgTx, org: OrgId, person: &Person) -> Result<Vec<uuid::Uuid>, Error> {
    sqlx::query_scalar(
        "select s.id from segments s where s.org_id = $1 and s.pushed_to <> '{}' and exists (
             select from segment_members m
              where m.org_id = $1 and m.segment_id = s.id and m.actor_id = any($2)) order by s.id",
    )
    .bind(org)
    .bind(Person::texts(&person.ids))
    .fetch_all(&mut **tx)
    .await
}

/// Ids shorter than this are words like others, and numbers shorter than that are figures: neither is looked for in words.
const LEAST_CHARS: usize = 4;
const LEAST_DIGITS: usize = 6;
const ERASED: &str = "[erased]";

/// A pattern of what is looked for, and what stands there instead.
struct Search {
    pattern: String,
    /// In an object a number may stand bare.
    instead: (&'static str, &'static str),
}

/// What of a person is looked for in words: whole words only, ids also without the platform that they begin with.
fn searches(person: &Person) -> Vec<Search> {
    let mut needles: BTreeSet<&str> = BTreeSet::new();
    for id in person.ids.iter().chain(&person.words).chain(&person.orders) {
        needles.insert(id);
        needles.extend(id.split_once(':').map(|(_, bare)| bare));
    }
    let digits = |needle: &str| needle.bytes().all(|b| b.is_ascii_digit());
    let pattern = |numbers: bool| {
        let least = if numbers { LEAST_DIGITS } else { LEAST_CHARS };
        let fit = needles.iter().filter(|n| digits(n) == numbers && n.chars().count() >= least);
        let escaped: Vec<String> = fit.map(|needle| escape(needle)).collect();
        (!escaped.is_empty()).then(|| format!("(?<![[:alnum:]_-])({})(?![[:alnum:]_-])", escaped.join("|")))
    };
    let words = pattern(false).map(|pattern| Search { pattern, instead: (ERASED, ERASED) });
    let numbers = pattern(true).map(|pattern| Search { pattern, instead: (ERASED, "0") });
    words.into_iter().chain(numbers).collect()
}

/// Patterns of everything that a person is called by, for `~*`.
pub(super) fn patterns(person: &Person) -> Vec<String> {
    searches(person).into_iter().map(|search| search.pattern).collect()
}

/// Rows of a table (`$1` organisation) in whose words a pattern (`$2`) stands; nothing where the table is not there.
pub(super) fn holds(words: &Words, schema: &Schema) -> Option<String> {
    let columns = schema.get(words.table)?;
    let texts = words.texts.iter().filter(|column| columns.contains(**column));
    let objects = words.objects.iter().filter(|column| columns.contains(**column));
    let tests: Vec<String> = texts
        .map(|column| format!("{column} ~* $2"))
        .chain(objects.map(|column| format!("{column}::text ~* $2")))
        .collect();
    (!tests.is_empty()).then(|| format!("org_id = $1 and ({})", tests.join(" or ")))
}

/// As it stands in JSON, with everything that means something in a pattern escaped.
fn escape(needle: &str) -> String {
    let json = serde_json::Value::String(needle.to_owned()).to_string();
    let inner = json.get(1..json.len() - 1).unwrap_or_default();
    inner.chars().fold(String::new(), |mut text, c| {
        if c.is_ascii_punctuation() {
            text.push('\\');
        }
        text.push(c);
        text
    })
}

async fn strike_out(
    tx: &mut OrgTx,
    org: OrgId,
    person: &Person,
    schema: &Schema,
    report: &mut Report,
) -> Result<(), Error> {
    for search in searches(person) {
        report.add("turn_events", say_answers_anew(tx, org, &search).await?);
        let hit = |words: &Words| holds(words, schema);
        // What a search by meaning remembers of words that change, and files made of them.
        let before = [
            "delete from embeddings where org_id = $1 and ref_id in
               (select id from turns where org_id = $1 and (question ~* $2 or answer ~* $2))",
            "update report_runs set file = null where org_id = $1 and file is not null and sections::text ~* $2",
        ];
        for statement in before {
            let done = sqlx::query(statement).bind(org).bind(&search.pattern).execute(&mut **tx).await?;
            report.add(
                if statement.contains("embeddings") { "embeddings" } else { "report_runs" },
                done.rows_affected(),
            );
        }
        for words in COPIES {
            let Some(condition) = hit(words) else { continue };
            let statement = format!("delete from {} where {condition}", words.table);
            let done = sqlx::query(AssertSqlSafe(statement))
                .bind(org)
                .bind(&search.pattern)
                .execute(&mut **tx)
                .await?;
            report.add(words.table, done.rows_affected());
        }
        for words in WORDS_OF {
            let Some(condition) = hit(words) else { continue };
            let text = |column: &&str| format!("{column} = regexp_replace({column}, $2, $3, 'gi')");
            let object =
                |column: &&str| format!("{column} = regexp_replace({column}::text, $2, $4, 'gi')::jsonb");
            let columns = schema.get(words.table);
            let known = |column: &&&str| columns.is_some_and(|columns| columns.contains(**column));
            let set: Vec<String> = words
                .texts
                .iter()
                .filter(known)
                .map(text)
                .chain(words.objects.iter().filter(known).map(object))
                .collect();
            let statement = format!("update {} set {} where {condition}", words.table, set.join(", "));
            let done = sqlx::query(AssertSqlSafe(statement))
                .bind(org)
                .bind(&search.pattern)
                .bind(search.instead.0)
                .bind(search.instead.1)
                .execute(&mut **tx)
                .await?;
            report.add(words.table, done.rows_affected());
        }
    }
    let needles: Vec<Vec<u8>> = person
        .ids
        .iter()
        .chain(&person.words)
        .map(|id| id.split_once(':').map_or(id.as_str(), |(_, bare)| bare))
        .filter(|id| id.len() >= LEAST_DIGITS)
        .map(|id| id.as_bytes().to_vec())
        .collect();
    for (table, column, also) in BYTES.iter().filter(|(table, ..)| schema.contains_key(*table)) {
        let statement = format!(
            "update {table} t set {column} = ''{also} where org_id = $1 and {column} <> ''
                and exists (select from unnest($2::bytea[]) needle where position(needle in t.{column}) > 0)"
        );
        let done = sqlx::query(AssertSqlSafe(statement)).bind(org).bind(&needles).execute(&mut **tx).await?;
        report.add(table, done.rows_affected());
    }
    Ok(())
}

/// What looks like an e-mail address, to the database.
const ADDRESS: &str = "([[:alnum:]._%+-]+@[[:alnum:].-]+[.][[:alpha:]]{2,})";

/// Addresses that stand in words and whose hashes are wanted.
pub(super) async fn addresses(
    tx: &mut OrgTx,
    org: OrgId,
    schema: &Schema,
    is_wanted: impl Fn(&[u8]) -> bool,
) -> Result<BTreeSet<String>, Error> {
    let mut known = BTreeSet::new();
    for words in WORDS_OF {
        let Some(columns) = schema.get(words.table) else { continue };
        for column in words.texts.iter().chain(words.objects).filter(|column| columns.contains(**column)) {
            let statement = format!(
                "select distinct lower(found[1]) from {} t
                 cross join lateral regexp_matches(t.{column}::text, $2, 'g') found
                 where t.org_id = $1 and t.{column}::text like '%@%'",
                words.table
            );
            let found: Vec<String> = sqlx::query_scalar(AssertSqlSafe(statement))
                .bind(org)
                .bind(ADDRESS)
                .fetch_all(&mut **tx)
                .await?;
            known.extend(found.into_iter().filter(|address| is_wanted(&Sha256::digest(address))));
        }
    }
    Ok(known)
}

/// An answer is stored in pieces too, and what is looked for may lie across two of them: the last piece says it anew, whole.
/// Gives how many answers.
async fn say_answers_anew(tx: &mut OrgTx, org: OrgId, search: &Search) -> Result<u64, Error> {
    let done = sqlx::query(
        "with last as (
             select t.id, t.answer, max(e.seq) as seq from turns t
             join turn_events e on e.org_id = t.org_id and e.turn_id = t.id and e.kind = 'text.delta'
             where t.org_id = $1 and t.answer ~* $2 group by t.id, t.answer),
         gone as (
             delete from turn_events e using last l
              where e.org_id = $1 and e.turn_id = l.id and e.kind = 'text.delta' and e.seq <> l.seq)
         update turn_events e set payload = jsonb_build_object('text', regexp_replace(l.answer, $2, $3, 'gi'))
           from last l where e.org_id = $1 and e.turn_id = l.id and e.seq = l.seq",
    )
    .bind(org)
    .bind(&search.pattern)
    .bind(search.instead.0)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected())
}
