//! CSV for spreadsheets: UTF-8 with a byte order mark, quoted where needed, no formulas.
use crate::drafts::DraftError;
pub use crate::report::csv::safe;

/// A table with its header. Each row has as many cells as the header.
pub struct Table {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
    heading: Option<String>,
}

impl Table {
    pub fn new(header: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { header: header.into_iter().map(Into::into).collect(), rows: Vec::new(), heading: None }
    }

    /// A row by column name; columns that are not named stay empty, names that do not exist are dropped.
    pub fn row(&mut self, cells: &[(&str, &str)]) {
        let row = self.header.iter().map(|column| {
            cells.iter().find(|(name, _)| name == column).map_or_else(String::new, |(_, value)| safe(value))
        });
        self.rows.push(row.collect());
    }

    /// A line above the header.
    pub fn heading(&mut self, text: String) {
        self.heading = Some(text);
    }

    /// Without the columns that no row fills: a blank cell means "leave as is" anyway.
    pub fn trimmed(mut self) -> Self {
        let used: Vec<bool> = (0..self.header.len())
            .map(|i| self.rows.iter().any(|row| row.get(i).is_some_and(|c| !c.is_empty())))
            .collect();
        let keep = |row: &[String]| -> Vec<String> {
            row.iter().zip(&used).filter(|(_, used)| **used).map(|(cell, _)| cell.clone()).collect()
        };
        self.header = keep(&self.header);
        self.rows = self.rows.iter().map(|row| keep(row)).collect();
        self
    }

    /// With the byte order mark.
    pub fn write(self) -> Result<Vec<u8>, DraftError> {
        let broken = |e: csv::Error| DraftError::Broken(format!("a CSV file cannot be written: {e}"));
        let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(b"\xef\xbb\xbf".to_vec());
        if let Some(text) = &self.heading {
            writer.write_record([safe(text)]).map_err(broken)?;
        }
        writer.write_record(&self.header).map_err(broken)?;
        for row in &self.rows {
            writer.write_record(row).map_err(broken)?;
        }
        writer.into_inner().map_err(|e| DraftError::Broken(format!("a CSV file cannot be written: {e}")))
    }
}
