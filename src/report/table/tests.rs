use super::*;

#[test]
fn columns_line_up_and_hostile_cells_stay_on_their_line() {
    let headings = [
        Heading { title: "Name".into(), align: Align::Left },
        Heading { title: "Spend".into(), align: Align::Right },
    ];
    let rows = vec![
        vec!["Harvest Sale".to_owned(), "€980.00".to_owned()],
        vec!["a\nb\u{1b}[31m".to_owned(), "€5.00".to_owned()],
        vec!["靴".to_owned(), "€1.00".to_owned()],
    ];
    insta::assert_snapshot!(table(&headings, &rows), @r"
    Name            Spend
    ────────────  ───────
    Harvest Sale  €980.00
    a b [31m        €5.00
    靴              €1.00
    ");
}

#[test]
fn a_long_cell_is_cut() {
    let headings = [Heading { title: "t".into(), align: Align::Left }];
    let text = table(&headings, &[vec!["x".repeat(80)]]);
    assert!(text.ends_with("x…"), "{text}");
    assert_eq!(text.lines().last().unwrap().chars().count(), 48);
}
