//! Data sets that are data: a file in `tools/datasets` says how the fields of a line become rows of tables. Adding one, or a
//! column, needs no Rust.
use super::facts::{self, Setting};
use super::kinds::KindSpec;
use super::people;
use super::table::{Fault, Row, Value as Cell};
use crate::money::Currency;
use crate::period::local_day;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Rows of one table that every line gives.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RowSpec {
    pub table: String,
    /// Columns that tell rows apart; each has its place among the columns.
    pub key: Vec<String>,
    /// Only lines in which one of these fields says something give a row.
    #[serde(default)]
    pub only_with: Vec<String>,
    pub columns: BTreeMap<String, ColumnSpec>,
}

/// What stands in a column. A column whose fields the file does not have is left as stored, unless there is an `otherwise`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnSpec {
    /// The first of these fields that says something.
    #[serde(default)]
    pub of: Vec<String>,
    #[serde(default)]
    pub make: Make,
    /// Words of files → our word, for columns with a closed list; folded as headers are.
    #[serde(default)]
    pub words: BTreeMap<String, String>,
    /// Where nothing is said, also by files without such a column.
    pub otherwise: Option<Value>,
    /// Where a cell is empty.
    pub empty: Option<Value>,
    /// A number has to lie above this one…
    pub above: Option<i64>,
    /// …and be no more than this one.
    pub most: Option<i64>,
}

/// What becomes of what a field says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Make {
    /// As it is.
    #[default]
    Plain,
    /// In lower case.
    Lower,
    /// The id of a thing of a platform, as every table writes it: `source:external`.
    Id,
    /// The same from a name, below its account, as ad reports make it.
    NamedId,
    /// That without the platform.
    External,
    /// The id of a thing of the kind that the line says: a path, a word, or as every table writes it.
    Entity,
    /// An amount a month: as it is, or for the interval that the line says.
    Monthly,
    /// A currency, else the organisation's.
    OwnCurrency,
    /// The id of a person: the platform's, or one made from an address under the organisation's key.
    Person,
    /// SHA-256 of the folded address.
    EmailHash,
    /// The platform the rows come from, or the account they belong to.
    Account,
    /// The file's currency where the line names none.
    Currency,
    /// An amount in the organisation's currency, at the rate of the line's day.
    Base,
    /// Whether any of the fields says something.
    Said,
    /// Parts between commas, semicolons or bars.
    List,
    /// The path of an address.
    Path,
}

/// A row to be written, by column.
pub type Columns = Map<String, Value>;

/// What a file says, ready to be written in one transaction.
#[derive(Debug, Default)]
pub struct Built {
    /// Table → rows, in the order of the data set.
    pub tables: Vec<(String, Vec<Columns>)>,
    pub faults: Vec<Fault>,
    /// Lines that say what another one says already.
    pub repeated: Vec<u64>,
    pub unconverted: BTreeMap<Currency, BTreeSet<Date>>,
    /// What a file that describes campaigns says nothing about: written with a new one, else left as stored.
    pub keeps: &'static [&'static str],
    pub totals: BTreeMap<&'static str, Decimal>,
}

/// The day a line counts for: that of its day, or of its first moment.
pub fn day(spec: &KindSpec, row: &Row, zone: &TimeZone) -> Option<Date> {
    match row.fields.get(spec.day.as_deref()?)? {
        Cell::Date(day) => Some(*day),
        Cell::Instant(at) => Some(local_day(*at, zone)),
        Cell::Text(_) | Cell::Number(_) | Cell::Currency(_) | Cell::Bool(_) => None,
    }
}

/// Makes the rows of a file.
pub fn build(
    spec: &KindSpec,
    told: &BTreeSet<String>,
    rows: &[Row],
    setting: &Setting,
    (zone, own): (&TimeZone, Currency),
) -> Built {
    let mut built = Built::default();
    for target in &spec.rows {
        let mut seen: BTreeMap<Vec<String>, (u64, Columns)> = BTreeMap::new();
        for row in rows {
            let says = |field: &String| row.fields.contains_key(field);
            if !target.only_with.is_empty() && !target.only_with.iter().any(says) {
                continue;
            }
            let line = Line { told, row, setting, own, day: day(spec, row, zone) };
            let columns = line.columns(target, &mut built);
            let key: Vec<String> = target
                .key
                .iter()
                .map(|name| columns.get(name).map_or(String::new(), Value::to_string))
                .collect();
            match seen.get(&key) {
                None => {
                    seen.insert(key, (row.line, columns));
                }
                Some((_, before)) if *before == columns => built.repeated.push(row.line),
                // A thing that several lines describe, such as a product by its variants, may stand on each of them.
                Some((other, _)) => built.faults.push(Fault {
                    line: row.line,
                    column: None,
                    field: None,
                    code: "csv.duplicate_in_file",
                    message: format!(
                        "Line {} gives the same {} again with other values than line {other}.",
                        row.line,
                        target.table.trim_end_matches('s').replace('_', " ")
                    ),
                }),
            }
        }
        built.tables.push((target.table.clone(), seen.into_values().map(|(_, columns)| columns).collect()));
    }
    // A line repeats another one only if all of its rows do.
    let copies = |line: &u64| built.repeated.iter().filter(|other| *other == line).count();
    let whole: BTreeSet<u64> =
        built.repeated.iter().copied().filter(|line| copies(line) >= spec.rows.len()).collect();
    built.repeated = whole.into_iter().collect();
    let budget = told.iter().any(|field| field.ends_with("_budget"));
    built.keeps = match (told.contains("account_id"), budget || told.contains("currency")) {
        (true, true) => &[],
        (true, false) => &["currency"],
        (false, true) => &["account_id"],
        (false, false) => &["account_id", "currency"],
    };
    built.totals.insert("rows", Decimal::from(rows.len() as u64));
    built
}

struct Line<'a> {
    told: &'a BTreeSet<String>,
    row: &'a Row,
    setting: &'a Setting,
    own: Currency,
    day: Option<Date>,
}

impl Line<'_> {
    fn columns(&self, target: &RowSpec, built: &mut Built) -> Columns {
        let mut columns = Columns::new();
        columns.insert("source".to_owned(), json!(self.setting.source));
        for (name, column) in &target.columns {
            // These are known of every line, from the file as a whole or from the organisation.
            let known =
                matches!(column.make, Make::Account | Make::Currency | Make::OwnCurrency | Make::Entity);
            let told =
                known || column.of.is_empty() || column.of.iter().any(|field| self.told.contains(field));
            if !told && column.otherwise.is_none() {
                continue;
            }
            let value = self.value(name, column, built);
            let value = value.or_else(|| column.empty.clone()).or_else(|| column.otherwise.clone());
            if value.is_none() && target.key.contains(name) && column.words.is_empty() {
                built.faults.push(Fault {
                    line: self.row.line,
                    column: None,
                    field: None,
                    code: "csv.missing_required",
                    message: format!("Line {}: one of {} is needed.", self.row.line, column.of.join(", ")),
                });
            }
            columns.insert(name.clone(), value.unwrap_or(Value::Null));
        }
        columns
    }

    /// The first of a column's fields that says something.
    fn said<'b>(&'b self, column: &'b ColumnSpec) -> Option<(&'b str, &'b Cell)> {
        column.of.iter().find_map(|field| Some((field.as_str(), self.row.fields.get(field)?)))
    }

    fn value(&self, name: &str, column: &ColumnSpec, built: &mut Built) -> Option<Value> {
        let setting = self.setting;
        match column.make {
            Make::Account => return Some(json!(self.text(column).unwrap_or(&setting.account))),
            Make::Currency => {
                let said = column.of.iter().find_map(|field| self.row.currency(field));
                return Some(json!(said.unwrap_or(setting.currency)));
            }
            Make::OwnCurrency => {
                let said = column.of.iter().find_map(|field| self.row.currency(field));
                return Some(json!(said.unwrap_or(self.own)));
            }
            Make::Entity => return Some(json!(self.entity(self.text(column).unwrap_or_default()))),
            Make::Said => return Some(json!(self.said(column).is_some())),
            Make::Plain
            | Make::Lower
            | Make::Id
            | Make::NamedId
            | Make::External
            | Make::Monthly
            | Make::Person
            | Make::EmailHash
            | Make::Base
            | Make::List
            | Make::Path => {}
        }
        let (field, cell) = self.said(column)?;
        if let Cell::Number(number) = cell {
            self.bounded(field, column, *number, built);
        }
        if column.make == Make::Base {
            return Some(json!(self.base(cell, built)));
        }
        if let (Make::Monthly, Cell::Number(number)) = (column.make, cell) {
            return self.monthly(field, *number, built).map(|amount| json!(amount));
        }
        if !column.words.is_empty() {
            return self.word(field, column, cell, built);
        }
        Some(match (cell, column.make) {
            (Cell::Text(text), make) => self.made(name, field, text, make),
            (Cell::Number(number), Make::Id) => {
                json!(facts::id(&setting.source, &number.normalize().to_string()))
            }
            (Cell::Number(number), _) => json!(number.normalize().to_string()),
            (Cell::Date(day), _) => json!(day),
            (Cell::Instant(at), _) => json!(at),
            (Cell::Currency(currency), _) => json!(currency),
            (Cell::Bool(flag), _) => json!(flag),
        })
    }

    fn text(&self, column: &ColumnSpec) -> Option<&str> {
        column.of.iter().find_map(|field| self.row.text(field))
    }

    fn made(&self, name: &str, field: &str, text: &str, make: Make) -> Value {
        let setting = self.setting;
        match make {
            Make::Lower => json!(text.to_lowercase()),
            Make::Id => json!(facts::id(&setting.source, text)),
            // A name is unique only below its account, as in ad reports.
            Make::NamedId if field.ends_with("id") => json!(facts::id(&setting.source, text)),
            Make::NamedId => json!(facts::id(&setting.source, &self.below_account(text))),
            Make::External if field.ends_with("id") => json!(text),
            Make::External => json!(self.below_account(text)),
            Make::Person if field.contains("email") => {
                json!(facts::id(&setting.source, &people::person(text, &setting.person_key)))
            }
            Make::Person => json!(facts::id(&setting.source, text)),
            Make::EmailHash if name.ends_with("google") => json!(people::email_hash_google(text)),
            Make::EmailHash => json!(people::email_hash(text)),
            Make::List => {
                let parts = text.split([',', ';', '|']).map(str::trim).filter(|part| !part.is_empty());
                json!(parts.collect::<Vec<_>>())
            }
            Make::Path => json!(super::path(text)),
            Make::Plain
            | Make::Account
            | Make::Currency
            | Make::OwnCurrency
            | Make::Base
            | Make::Entity
            | Make::Monthly
            | Make::Said => json!(text),
        }
    }

    fn below_account(&self, name: &str) -> String {
        let account = self.row.text("account_id").unwrap_or(&self.setting.account);
        format!("{}/{}", facts::slug(account), facts::slug(name))
    }

    fn entity(&self, said: &str) -> String {
        let kind = self.row.text("entity_kind").map(super::header::fold).unwrap_or_default();
        match kind.as_str() {
            "site" | "website" => "site".to_owned(),
            "page" | "landing page" => super::path(said),
            "channel" => super::channels::said_channel(said).unwrap_or(said).to_owned(),
            "event" | "goal" | "post" => said.to_owned(),
            _ => facts::id(&self.setting.source, said),
        }
    }

    /// An amount for an interval as one a month (`connectors.md` §2.7).
    fn monthly(&self, field: &str, amount: Decimal, built: &mut Built) -> Option<String> {
        let interval = self.row.text("interval").filter(|_| field == "amount").unwrap_or("month");
        let twelfth = |times: i64| amount * Decimal::from(times) / Decimal::from(12);
        let month = match super::header::fold(interval).as_str() {
            "month" | "monthly" | "monat" | "monatlich" => amount,
            "year" | "yearly" | "annual" | "annually" | "jahr" | "jahrlich" => twelfth(1),
            "quarter" | "quarterly" | "quartal" => twelfth(4),
            "week" | "weekly" | "woche" => twelfth(52),
            "day" | "daily" | "tag" => twelfth(365),
            _ => {
                built.faults.push(Fault {
                    line: self.row.line,
                    column: None,
                    field: Some("interval".to_owned()),
                    code: "csv.unknown_enum",
                    message: format!(
                        "Line {}: interval '{}' is none of day, week, month, quarter, year.",
                        self.row.line,
                        crate::text::clean(interval, 40)
                    ),
                });
                return None;
            }
        };
        Some(month.round_dp(6).normalize().to_string())
    }

    fn bounded(&self, field: &str, column: &ColumnSpec, number: Decimal, built: &mut Built) {
        let low = column
            .above
            .filter(|above| number <= Decimal::from(*above))
            .map(|above| format!("not above {above}"));
        let high =
            column.most.filter(|most| number > Decimal::from(*most)).map(|most| format!("more than {most}"));
        let Some(wrong) = low.or(high) else { return };
        let fault = Fault {
            line: self.row.line,
            column: None,
            field: Some(field.to_owned()),
            code: "csv.out_of_range",
            message: format!("Line {}: {field} {} is {wrong}.", self.row.line, number.normalize()),
        };
        // Two columns may be made of one field.
        if !built.faults.contains(&fault) {
            built.faults.push(fault);
        }
    }

    /// A word of a closed list; another one is a fault, with the words there are.
    fn word(&self, field: &str, column: &ColumnSpec, cell: &Cell, built: &mut Built) -> Option<Value> {
        let Cell::Text(text) = cell else { return None };
        let folded = super::header::fold(text);
        let own = column.words.values().find(|word| word.replace('_', " ").to_lowercase() == folded);
        if let Some(word) = column.words.get(&folded).or(own) {
            return Some(json!(word));
        }
        let known: BTreeSet<&str> = column.words.values().map(String::as_str).collect();
        let known = known.into_iter().collect::<Vec<_>>().join(", ");
        built.faults.push(Fault {
            line: self.row.line,
            column: None,
            field: Some(field.to_owned()),
            code: "csv.unknown_enum",
            message: format!(
                "Line {}: {field} '{}' is none of {known}.",
                self.row.line,
                crate::text::clean(text, 40)
            ),
        });
        None
    }

    fn base(&self, cell: &Cell, built: &mut Built) -> String {
        let Cell::Number(amount) = cell else { return "0".to_owned() };
        let currency = self.row.currency("currency").unwrap_or(self.setting.currency);
        let day = self.day.unwrap_or(Date::MIN);
        let known =
            self.setting.rates.to_base(*amount, currency, day).or(amount.is_zero().then_some(*amount));
        known
            .unwrap_or_else(|| {
                built.unconverted.entry(currency).or_default().insert(day);
                Decimal::ZERO
            })
            .normalize()
            .to_string()
    }
}

/// Fields that a data set's rows name and its list of fields does not have; a test wants none.
pub fn strangers(spec: &KindSpec) -> Vec<String> {
    let named = spec.rows.iter().flat_map(|target| {
        let columns = target.columns.values().flat_map(|column| column.of.iter());
        columns.chain(&target.only_with).chain(spec.day.iter())
    });
    named.filter(|field| !spec.fields.contains_key(*field)).cloned().collect()
}
