use super::csv::{Table, safe};
use proptest::prelude::*;

#[test]
fn cells_that_start_like_a_formula_are_prefixed() {
    for cell in ["=1+1", "+1", "-1", "@sum", "\t=1", "\r=1", " =1", "＝1", "＋1", "－1", "＠x", "−5"] {
        assert_eq!(safe(cell), format!("'{cell}"));
    }
    for cell in ["", "50.00", "a=b", "x-y", "mail@x.example"] {
        assert_eq!(safe(cell), cell);
    }
}

proptest! {
    #[test]
    fn any_text_comes_back_and_none_acts(cells in prop::collection::vec("\\PC{0,12}", 2)) {
        let mut table = Table::new(["a", "b"]);
        table.row(&[("a", &cells[0]), ("b", &cells[1])]);
        let bytes = table.write().unwrap();
        prop_assert_eq!(&bytes[..3], b"\xef\xbb\xbf");
        let mut reader = ::csv::Reader::from_reader(&bytes[3..]);
        let row = reader.records().next().unwrap().unwrap();
        for (out, cell) in row.iter().zip(&cells) {
            prop_assert_eq!(out.strip_prefix('\'').filter(|_| safe(cell) != *cell).unwrap_or(out), cell);
            prop_assert!(!out.starts_with(['=', '+', '-', '@']));
        }
    }
}
