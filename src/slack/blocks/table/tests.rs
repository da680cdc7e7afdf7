use super::super::text::tests::HOSTILE;
use super::*;
use crate::catalogue::ColumnType;

fn column(name: &str, kind: ColumnType) -> Column {
    let label = None;
    Column {
        name: name.into(),
        kind,
        label,
        unit: None,
        when_null: None,
        entity: false,
        pii: None,
        hidden: false,
        few: None,
    }
}

fn columns() -> Vec<Column> {
    let mut id = column("campaign_id", ColumnType::Text);
    id.hidden = true;
    vec![
        column("campaign", ColumnType::Text),
        id,
        column("cost", ColumnType::Money),
        column("ctr", ColumnType::Fraction),
        column("last_sale", ColumnType::Date),
    ]
}

fn row(name: &str) -> Vec<Cell> {
    let text = |text: &str| Cell::Text(text.into());
    vec![
        text(name),
        text("google_ads:1"),
        Cell::Decimal("1180.5".parse().unwrap()),
        Cell::Decimal("0.0379".parse().unwrap()),
        Cell::Null,
    ]
}

fn format() -> Format {
    Format { currency: "CHF".parse().ok(), zone: TimeZone::UTC }
}

#[test]
fn a_small_result_is_a_native_table() {
    let Some(Table::Block(block)) = table("Wasted spend", &columns(), &[row(HOSTILE)], &format()) else {
        panic!("no block");
    };
    insta::assert_json_snapshot!(block);
    assert_eq!(table("Empty", &columns(), &[], &format()), None);
}

#[test]
fn a_large_result_is_a_file_in_which_numbers_are_numbers_and_formulas_are_text() {
    let mut rows: Vec<Vec<Cell>> = (0..100).map(|n| row(&format!("Campaign {n}"))).collect();
    assert!(matches!(table("t", &columns(), &rows, &format()), Some(Table::Block(_))));
    rows.push(row("=HYPERLINK(\"https://evil.example\"),\n"));
    let Some(Table::File { name, bytes }) = table("Wasted spend: 30 days!", &columns(), &rows, &format())
    else {
        panic!("no file");
    };
    assert_eq!(name, "wasted_spend_30_days.csv");
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.starts_with("\u{feff}Campaign,Cost,Ctr,Last sale\nCampaign 0,1180.5,0.0379,\n"), "{text}");
    assert!(text.ends_with("\"'=HYPERLINK(\"\"https://evil.example\"\"),\n\",1180.5,0.0379,\n"), "{text}");
}

#[test]
fn a_figure_on_little_is_marked_in_the_table_and_named_in_the_file() {
    let mut columns = columns();
    let few = serde_json::json!({"of": "cost", "what": "spent", "at_least": "2000"});
    columns[3].few = serde_json::from_value(few).unwrap();
    let Some(Table::Block(block)) = table("t", &columns, &[row("A")], &format()) else { panic!("no block") };
    assert!(
        block.to_string().contains("3.79% (few data)") || block.to_string().contains("3.8% (few data)"),
        "{block}"
    );
    assert_eq!(block.to_string().matches("few data").count(), 1, "{block}");
    let rows: Vec<Vec<Cell>> = (0..101).map(|n| row(&format!("Campaign {n}"))).collect();
    let Some(Table::File { bytes, .. }) = table("t", &columns, &rows, &format()) else { panic!("no file") };
    let text = String::from_utf8(bytes).unwrap();
    assert!(
        text.starts_with("\u{feff}Campaign,Cost,Ctr,Last sale,Few data\nCampaign 0,1180.5,0.0379,,Ctr\n"),
        "{text}"
    );
}

#[test]
fn a_table_with_too_many_characters_or_columns_is_a_file() {
    let long: Vec<Vec<Cell>> = (0..60).map(|n| row(&format!("{n} {}", "x".repeat(180)))).collect();
    assert!(matches!(table("t", &columns(), &long, &format()), Some(Table::File { .. })));
    let many: Vec<Column> = (0..21).map(|n| column(&format!("c{n}"), ColumnType::Count)).collect();
    let rows = vec![vec![Cell::Int(1); 21]];
    assert!(matches!(table("t", &many, &rows, &format()), Some(Table::File { .. })));
    assert!(matches!(table("t", &many[..20], &rows, &format()), Some(Table::Block(_))));
}

#[test]
fn a_file_has_a_plain_name() {
    assert_eq!(file_name("../../etc/passwd", "csv"), "etc_passwd.csv");
    assert_eq!(file_name("!!!", "png"), "data.png");
}
