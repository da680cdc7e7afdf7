//! Links as a CSV file: written out for a spreadsheet, read back by line. A file that was written out changes nothing when it is read.
use super::decide::{Fault, Wish};
use crate::db::entity_map::{EntityKind, Held, Link, LinkState, Relation, Thing};
use crate::report::csv as sheet;
use jiff::civil::Date;
use rust_decimal::Decimal;
use std::collections::BTreeMap;
use std::str::FromStr;

const COLUMNS: [&str; 12] = [
    "from_kind",
    "from_id",
    "relation",
    "to_kind",
    "to_id",
    "state",
    "since",
    "until",
    "similarity",
    "confidence",
    "evidence",
    "origin",
];
/// Columns that a file must have.
const NEEDED: usize = 5;
/// `events.md` §1: ids of things.
const LONGEST_ID: usize = 255;
const LONGEST_EVIDENCE: usize = 1_024;

/// What is wrong with a line of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineFault {
    /// As an editor counts; the header is line 1.
    pub line: u64,
    pub field: Option<&'static str>,
    pub code: &'static str,
    pub message: String,
}

/// A wish and the line it stands on.
pub type LineWish = (u64, Wish);

/// The links as a file, suggestions and rejections included.
pub fn export(held: &[Held]) -> Result<Vec<u8>, csv::Error> {
    let number = |n: Option<Decimal>| n.map(|n| n.normalize().to_string()).unwrap_or_default();
    let rows: Vec<Vec<String>> = held
        .iter()
        .map(|held| {
            let link = &held.link;
            vec![
                link.from.kind.to_string(),
                quoted(&link.from.id),
                link.relation.to_string(),
                link.to.kind.to_string(),
                quoted(&link.to.id),
                held.state.to_string(),
                held.since.to_string(),
                held.until.map(|day| day.to_string()).unwrap_or_default(),
                number(held.similarity),
                number(Some(held.confidence)),
                quoted(&held.evidence),
                held.origin.to_string(),
            ]
        })
        .collect();
    sheet::file(&COLUMNS.map(str::to_owned), &rows)
}

/// A cell that no spreadsheet calculates, and that [`plain`] reads as it was.
fn quoted(cell: &str) -> String {
    if plain(cell) == cell { sheet::safe(cell) } else { format!("'{cell}") }
}

/// A cell as it was before it was quoted.
fn plain(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(rest) if rest.starts_with('\'') || sheet::safe(rest) != rest => rest,
        _ => cell,
    }
}

/// Reads a file: comma or semicolon, with a header. Lines that say `suggested` are left out; a blank state is `confirmed`.
pub fn read(bytes: &[u8]) -> Result<Vec<LineWish>, Vec<LineFault>> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let header = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let delimiter = if header.contains(&b';') && !header.contains(&b',') { b';' } else { b',' };
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(bytes);
    let fault = |line, field, code, message: String| LineFault { line, field, code, message };
    let unreadable = |error: &csv::Error| {
        let line = error.position().map_or(1, csv::Position::line);
        fault(line, None, "csv.unreadable", format!("Line {line} cannot be read: it has to be UTF-8 text."))
    };
    let header: Vec<String> = match reader.headers() {
        Ok(header) => header.iter().map(|name| name.trim().to_lowercase()).collect(),
        Err(error) => return Err(vec![unreadable(&error)]),
    };
    let place = |name: &str| header.iter().position(|column| column == name);
    let missing: Vec<&str> = COLUMNS.into_iter().take(NEEDED).filter(|name| place(name).is_none()).collect();
    if !missing.is_empty() {
        let told = format!(
            "Line 1 has no column {}; a file has the columns {}.",
            missing.join(", "),
            COLUMNS.join(", ")
        );
        return Err(vec![fault(1, None, "csv.missing_required", told)]);
    }
    let (mut wishes, mut faults) = (Vec::new(), Vec::new());
    let mut seen: BTreeMap<Link, u64> = BTreeMap::new();
    for record in reader.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                faults.push(unreadable(&error));
                continue;
            }
        };
        let line = record.position().map_or(0, csv::Position::line);
        if record.len() != header.len() {
            let told = format!("Line {line} has {} fields, the header has {}.", record.len(), header.len());
            faults.push(fault(line, None, "csv.column_count", told));
            continue;
        }
        let row = Row { line, cell: &|name| place(name).and_then(|at| record.get(at)).map_or("", str::trim) };
        match row.wish() {
            Ok(None) => {}
            Ok(Some(wish)) => match seen.insert(wish.link.clone(), line) {
                Some(other) => {
                    let told = format!("Line {line} says again what line {other} says: {}.", wish.link);
                    faults.push(fault(line, None, "csv.duplicate_in_file", told));
                }
                None => wishes.push((line, wish)),
            },
            Err(mut wrong) => faults.append(&mut wrong),
        }
    }
    if faults.is_empty() { Ok(wishes) } else { Err(faults) }
}

/// What [`super::decide()`] found, by line.
pub fn by_line(wishes: &[LineWish], faults: Vec<Fault>) -> Vec<LineFault> {
    let line = |at: usize| wishes.get(at).map_or(0, |(line, _)| *line);
    faults
        .into_iter()
        .map(|f| LineFault {
            line: line(f.at),
            field: None,
            code: f.code,
            message: format!("Line {}: {}", line(f.at), f.message),
        })
        .collect()
}

struct Row<'a> {
    line: u64,
    cell: &'a dyn Fn(&str) -> &'a str,
}

impl Row<'_> {
    fn fault(&self, field: &'static str, code: &'static str, told: &str) -> LineFault {
        LineFault {
            line: self.line,
            field: Some(field),
            code,
            message: format!("Line {}: {field} {told}.", self.line),
        }
    }

    fn word<T: FromStr<Err = crate::access::UnknownValue>>(
        &self,
        field: &'static str,
    ) -> Result<T, LineFault> {
        (self.cell)(field).to_lowercase().parse().map_err(|e: T::Err| {
            self.fault(field, "csv.unknown_enum", &format!("is no {}; one of: {}", e.list, e.allowed))
        })
    }

    fn id(&self, field: &'static str) -> Result<String, LineFault> {
        let id = plain((self.cell)(field));
        if id.is_empty() {
            return Err(self.fault(field, "csv.missing_required", "is empty"));
        }
        if id.chars().count() > LONGEST_ID || id.contains('\0') {
            return Err(self.fault(field, "csv.too_long", &format!("has at most {LONGEST_ID} characters")));
        }
        Ok(id.to_owned())
    }

    fn day(&self, field: &'static str) -> Result<Option<Date>, LineFault> {
        let told = (self.cell)(field);
        if told.is_empty() {
            return Ok(None);
        }
        told.parse().map(Some).map_err(|_| self.fault(field, "csv.bad_date", "is a day such as 2026-01-31"))
    }

    fn confidence(&self) -> Result<Decimal, LineFault> {
        let told = (self.cell)("confidence");
        if told.is_empty() {
            return Ok(Decimal::ONE);
        }
        let number: Decimal = told
            .parse()
            .map_err(|_| self.fault("confidence", "csv.bad_number", "is a number from 0 to 1"))?;
        if number < Decimal::ZERO || number > Decimal::ONE {
            return Err(self.fault("confidence", "csv.out_of_range", "is a number from 0 to 1"));
        }
        Ok(number)
    }

    /// Nothing for a suggestion: nobody decided.
    fn wish(&self) -> Result<Option<Wish>, Vec<LineFault>> {
        let mut faults = Vec::new();
        macro_rules! take {
            ($value:expr) => {
                $value.map_err(|fault| faults.push(fault)).ok()
            };
        }
        let from = (take!(self.word::<EntityKind>("from_kind")), take!(self.id("from_id")));
        let relation = take!(self.word::<Relation>("relation"));
        let to = (take!(self.word::<EntityKind>("to_kind")), take!(self.id("to_id")));
        let said = (self.cell)("state");
        let state =
            if said.is_empty() { Some(LinkState::Confirmed) } else { take!(self.word::<LinkState>("state")) };
        let (since, until) = (take!(self.day("since")), take!(self.day("until")));
        let confidence = take!(self.confidence());
        let evidence = plain((self.cell)("evidence")).to_owned();
        if evidence.chars().count() > LONGEST_EVIDENCE {
            let told = format!("has at most {LONGEST_EVIDENCE} characters");
            faults.push(self.fault("evidence", "csv.too_long", &told));
        }
        if let (Some(Some(since)), Some(Some(until))) = (since, until)
            && until < since
        {
            faults.push(self.fault("until", "csv.out_of_range", "lies before since"));
        }
        match (from, relation, to, state, since, until, confidence) {
            (
                (Some(from_kind), Some(from_id)),
                Some(relation),
                (Some(to_kind), Some(to_id)),
                Some(state),
                Some(since),
                Some(until),
                Some(confidence),
            ) if faults.is_empty() => {
                let link =
                    Link { from: Thing::new(from_kind, from_id), relation, to: Thing::new(to_kind, to_id) };
                let holds = state == LinkState::Confirmed;
                let by_rule = (self.cell)("origin") == "automatic";
                let wish = Wish { link, holds, since, until, confidence, evidence, by_rule };
                Ok(Some(wish).filter(|_| state != LinkState::Suggested))
            }
            _ => Err(faults),
        }
    }
}

#[cfg(test)]
mod tests;
