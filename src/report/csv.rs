//! CSV for spreadsheets: UTF-8 with a byte order mark, quoted where needed, no formulas.

/// A cell that no spreadsheet takes for a formula (leading `= + - @`, tab, return, and their full-width forms).
pub fn safe(cell: &str) -> String {
    let first = cell.trim_start_matches([' ', '\u{a0}', '\u{feff}']).chars().next();
    let acts = first.is_some_and(|c| {
        matches!(c, '=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠' | '−')
    });
    if acts { format!("'{cell}") } else { cell.to_owned() }
}

/// A file with the byte order mark. Cells are written as they are: make text of the data [`safe`] first, numbers stay
/// numbers.
pub fn file(header: &[String], rows: &[Vec<String>]) -> Result<Vec<u8>, csv::Error> {
    let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(b"\xef\xbb\xbf".to_vec());
    writer.write_record(header)?;
    for row in rows {
        writer.write_record(row)?;
    }
    writer.into_inner().map_err(|error| csv::Error::from(std::io::Error::other(error.to_string())))
}
