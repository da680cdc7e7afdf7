//! What a file is: encoding, delimiter, where the header stands. Exports come with marks, preambles and odd commas.
use super::header;
use super::kinds::KindSpec;

/// A text file as found.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Detected {
    pub encoding: &'static str,
    pub delimiter: char,
    /// Physical line of the header, from 1.
    pub header_line: u64,
    /// The header among the records, from 0.
    #[serde(skip)]
    pub header_index: usize,
    /// Lines before the header that were passed over.
    pub preamble: Vec<String>,
}

/// The bytes as text. A byte-order mark decides; else UTF-8 if it is valid; else the most likely legacy encoding.
pub fn decode(bytes: &[u8]) -> (String, &'static str) {
    if let Some((encoding, mark)) = encoding_rs::Encoding::for_bom(bytes) {
        let (text, _) = encoding.decode_without_bom_handling(&bytes[mark..]);
        return (text.into_owned(), encoding.name());
    }
    // UTF-16 without a mark: every other byte of Western text is zero (and still valid UTF-8).
    let sample = &bytes[..bytes.len().min(4096)];
    let zeros = |odd: usize| sample.iter().skip(odd).step_by(2).filter(|b| **b == 0).count() * 2;
    for (odd, encoding) in [(1, encoding_rs::UTF_16LE), (0, encoding_rs::UTF_16BE)] {
        if zeros(odd) > sample.len() / 2 {
            return (encoding.decode_without_bom_handling(bytes).0.into_owned(), encoding.name());
        }
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return (text.to_owned(), "UTF-8");
    }
    let mut detector = chardetng::EncodingDetector::new(chardetng::Iso2022JpDetection::Deny);
    detector.feed(bytes, true);
    let guess = detector.guess(None, chardetng::Utf8Detection::Deny);
    (guess.decode_without_bom_handling(bytes).0.into_owned(), guess.name())
}

/// The records of a text with their first physical lines. Quotes may hold delimiters and line ends.
pub fn records(text: &str, delimiter: char) -> Vec<(u64, Vec<String>)> {
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(u8::try_from(delimiter).unwrap_or(b','))
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let mut found = Vec::new();
    let mut record = csv::StringRecord::new();
    let bytes = text.as_bytes();
    let (mut line, mut counted) = (1, 0);
    while reader.read_record(&mut record).unwrap_or(false) {
        // The reader's own line is one short after a line that ends in CR LF, so lines are counted from where records begin.
        let mut start = record.position().map_or(0, |p| usize::try_from(p.byte()).unwrap_or(usize::MAX));
        while bytes.get(start).is_some_and(|b| matches!(b, b'\r' | b'\n')) {
            start += 1;
        }
        line += line_ends(bytes, counted, start);
        counted = start;
        found.push((line, record.iter().map(str::to_owned).collect()));
    }
    found
}

/// Ends of lines between two places: LF, CR LF, or CR alone.
fn line_ends(bytes: &[u8], from: usize, to: usize) -> u64 {
    let to = to.min(bytes.len());
    let ends = (from..to).filter(|i| match bytes[*i] {
        b'\n' => true,
        b'\r' => bytes.get(i + 1) != Some(&b'\n'),
        _ => false,
    });
    ends.count() as u64
}

const DELIMITERS: [char; 4] = [',', ';', '\t', '|'];
/// How far a header may stand from the top: exports carry a title, a date range, some notes.
const HEADER_WITHIN: usize = 30;

/// Finds delimiter and header: the row, in the first thirty, whose cells name most known columns of the kind.
pub fn detect(text: &str, encoding: &'static str, spec: &KindSpec, mapped: &[String]) -> Option<Detected> {
    let head: String = text.split_inclusive('\n').take(HEADER_WITHIN * 3).collect();
    let mut best: Option<(usize, usize, Detected)> = None;
    for delimiter in DELIMITERS {
        let rows = records(&head, delimiter);
        for (index, (line, cells)) in rows.iter().take(HEADER_WITHIN).enumerate() {
            if cells.len() < 2 {
                continue;
            }
            let known = cells.iter().filter(|cell| is_known(cell, spec, mapped)).count();
            let better = best.as_ref().is_none_or(|(k, n, _)| (known, cells.len()) > (*k, *n));
            if known > 0 && better {
                let preamble =
                    rows[..index].iter().map(|(_, cells)| cells.join(" ").trim().to_owned()).collect();
                best = Some((
                    known,
                    cells.len(),
                    Detected { encoding, delimiter, header_line: *line, header_index: index, preamble },
                ));
            }
        }
    }
    best.map(|(_, _, detected)| detected)
}

/// The header where none of a file's columns is known: the first of the rows with most cells.
pub fn widest(text: &str, encoding: &'static str) -> Option<Detected> {
    let head: String = text.split_inclusive('\n').take(HEADER_WITHIN * 3).collect();
    let mut best: Option<(usize, Detected)> = None;
    for delimiter in DELIMITERS {
        for (index, (line, cells)) in records(&head, delimiter).into_iter().take(HEADER_WITHIN).enumerate() {
            if cells.len() >= 2 && best.as_ref().is_none_or(|(most, _)| cells.len() > *most) {
                let header = Detected {
                    encoding,
                    delimiter,
                    header_line: line,
                    header_index: index,
                    preamble: Vec::new(),
                };
                best = Some((cells.len(), header));
            }
        }
    }
    best.map(|(_, detected)| detected)
}

fn is_known(cell: &str, spec: &KindSpec, mapped: &[String]) -> bool {
    mapped.iter().any(|name| header::same(name, cell)) || spec.field_for(cell).is_some()
}
