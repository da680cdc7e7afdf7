//! The file of a report: a zip with one CSV, which may begin with a mark of its encoding and lines about the report, and may
//! end with a line that is no row.
use super::parse::Level;
use crate::platforms::shape::{Seen, Unreadable};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use std::io::{Cursor, Read as _};
use zip::ZipArchive;
use zip::result::ZipError;

/// Longest file that is taken out of an archive, bytes: no report of a month comes near it.
const LONGEST: u64 = 512 << 20;

/// The one file of an archive.
pub fn unzip(body: &[u8]) -> Result<Vec<u8>, Unreadable> {
    let odd = |what: &str| Unreadable::Not(what.to_owned());
    // What says where the files are stands at the end of an archive: without it, it was cut.
    let mut archive = ZipArchive::new(Cursor::new(body)).map_err(|error| {
        let cut = body.starts_with(b"PK") && !matches!(error, ZipError::UnsupportedArchive(_));
        if cut { Unreadable::Truncated } else { odd("a zipped report") }
    })?;
    if archive.len() != 1 {
        return Err(odd("an archive of one file"));
    }
    let file = archive.by_index(0).map_err(|_| odd("a zipped report"))?;
    let mut out = Vec::new();
    // A sum that does not fit is an error of reading.
    file.take(LONGEST + 1).read_to_end(&mut out).map_err(|_| Unreadable::Truncated)?;
    if u64::try_from(out.len()).is_ok_and(|length| length <= LONGEST) {
        Ok(out)
    } else {
        Err(odd("a report of less than 512 MiB"))
    }
}

/// A report's header and rows.
#[derive(Clone, Debug, Default)]
pub struct Table {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

/// Reads a file; the header is the first line that has a day and a figure.
pub fn table(file: &[u8]) -> Result<Table, Unreadable> {
    let text = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file);
    let text = std::str::from_utf8(text).map_err(|_| Unreadable::Not("UTF-8".to_owned()))?;
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut table = Table::default();
    for record in reader.records() {
        let record = record.map_err(|_| Unreadable::Not("a CSV file".to_owned()))?;
        let fields: Vec<String> = record.iter().map(|field| field.trim().to_owned()).collect();
        if table.header.is_empty() {
            if ["TimePeriod", "Impressions"].iter().all(|name| fields.iter().any(|field| field == name)) {
                table.header = fields;
            }
        } else if fields.len() > 1 {
            // A line of one field is the footer.
            table.rows.push(fields);
        }
    }
    // A report without a row may be without a header too; anything else is no report.
    if table.header.is_empty() && !text.trim().is_empty() {
        return Err(Unreadable::Not("a report with TimePeriod and Impressions".to_owned()));
    }
    Ok(table)
}

impl Table {
    /// Notes columns that nobody asked for.
    pub fn seen(&self, level: &Level) -> Seen {
        let mut seen = Seen::default();
        for name in self.header.iter().filter(|name| !level.knows(name)) {
            *seen.new_fields.entry(format!("report.{}", crate::text::clean(name, 60))).or_default() += 1;
        }
        seen
    }

    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().map(|fields| Row { header: &self.header, fields })
    }
}

/// One line. Every field is found by the name of its column.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    header: &'a [String],
    fields: &'a [String],
}

impl<'a> Row<'a> {
    /// A field as it is written; nothing for a column that is not there, an empty field and `--`.
    pub fn text(&self, column: &str) -> Option<&'a str> {
        let place = self.header.iter().position(|name| name == column)?;
        let field = self.fields.get(place).map(String::as_str)?;
        (self.fields.len() == self.header.len() && !field.is_empty() && field != "--").then_some(field)
    }

    /// Whether the line has the column, with or without something in it.
    pub fn has(&self, column: &str) -> bool {
        self.fields.len() == self.header.len() && self.header.iter().any(|name| name == column)
    }

    /// A number: `1,234.56`, `12.5%` (as 12.5), and zero for `--`. Nothing for what is no number, and without the column.
    pub fn number(&self, column: &str) -> Option<Decimal> {
        if !self.has(column) {
            return None;
        }
        let Some(field) = self.text(column) else { return Some(Decimal::ZERO) };
        let bare: String = field.chars().filter(|sign| *sign != ',').collect();
        let bare = bare.trim_end_matches('%').trim();
        bare.parse().or_else(|_| Decimal::from_scientific(bare)).ok()
    }

    /// A count: a whole number, not below zero.
    pub fn count(&self, column: &str) -> Option<i64> {
        let number = self.number(column)?;
        number.to_i64().filter(|count| *count >= 0 && number.fract().is_zero())
    }
}
