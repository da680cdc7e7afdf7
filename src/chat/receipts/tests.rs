use super::*;
use crate::chat::evidence::Evidence;
use crate::chat::evidence::Found;
use crate::chat::fixtures::{params, waste};
use crate::chat::turn::ChosenBy;
use serde_json::json;
use std::collections::BTreeSet;

fn printed(text: &str) -> Vec<String> {
    figures(text, &BTreeSet::new())
        .into_iter()
        .map(|f| format!("{} {:?} {:?}", f.value.normalize(), f.style, f.sign))
        .collect()
}

#[test]
fn figures_are_read_as_printed() {
    for (text, wanted) in [
        ("CHF 1,180.00 went", "1180 Money(Some(\"CHF\")) None"),
        ("1'180.00 CHF", "1180 Money(Some(\"CHF\")) None"),
        ("$1.2k", "1200 Money(None) None"),
        ("€2.5M", "2500000 Money(Some(\"EUR\")) None"),
        ("2.5 Mio. EUR", "2500000 Plain None"),
        ("3 million", "3000000 Plain None"),
        ("a rise of +4.5 %", "4.5 Percent Plus"),
        ("−12.5%", "12.5 Percent Minus"),
        ("-CHF 12", "12 Money(Some(\"CHF\")) Minus"),
        ("up 0.4 pp", "0.4 Points None"),
        ("ROAS 3.2×", "3.2 Times None"),
        ("ROAS of 3.2x", "3.2 Times None"),
        ("12 345 clicks", "12345 Plain None"),
        ("1.234.567 clicks", "1234567 Plain None"),
        ("1.234,56 EUR", "1234.56 Money(Some(\"EUR\")) None"),
        ("2000 clicks", "2000 Plain None"),
        ("in 14 days", "14 Plain None"),
        ("14d", "14 Plain None"),
        ("**42**", "42 Plain None"),
        ("(17)", "17 Plain None"),
        ("CHF12", "12 Money(Some(\"CHF\")) None"),
    ] {
        assert_eq!(printed(text), [wanted], "{text}");
    }
}

#[test]
fn dates_ordinals_and_names_are_no_figures() {
    for text in [
        "on 2025-09-17",
        "17.09.2025",
        "9/17/2025",
        "at 14:30",
        "2025-09-17T10:00:00Z",
        "Sep 17",
        "17 September",
        "in 2025",
        "Q3",
        "week 38",
        "1st and 22nd",
        "#4",
        "3. Trail Shoes",
        "GA4 and B2B",
        "Oct 1–15",
        "1–15 Oct",
        "wasted_spend@1",
        "top 5",
        "H1 2025",
        "2025-09",
        "4x4",
    ] {
        assert_eq!(printed(text), Vec::<String>::new(), "{text}");
    }
    assert_eq!(printed("4–6 weeks"), ["4 Plain None", "6 Plain None"]);
    assert_eq!(printed("```\n42\n```\n7"), ["42 Plain None", "7 Plain None"], "tables in code blocks count");
}

fn evidence() -> Evidence {
    let mut evidence = Evidence::default();
    evidence.add_run("c1", Box::new(waste()), &params(), ChosenBy::Model);
    evidence
}

/// Where each figure of an answer came from.
fn traced(answer: &str) -> Vec<String> {
    check(answer, "what did we waste?", &evidence()).into_iter().map(origin).collect()
}

fn origin(receipt: Receipt) -> String {
    let row = receipt.row.map_or(String::new(), |row| format!("[{row}]"));
    format!("{} = {}{row}", receipt.figure, receipt.column.unwrap_or_else(|| receipt.status.to_string()))
}

#[test]
fn figures_meet_cells_totals_and_parameters() {
    assert_eq!(
        traced(
            "CHF 1,180.00 went to 3 campaigns in 30 days, at least CHF 100 each.\n1. Trail Shoes: CHF 420, 800 clicks"
        ),
        [
            "CHF 1,180.00 = total.cost",
            "3 = n",
            "30 = window",
            "CHF 100 = min_spend",
            "CHF 420 = cost[1]",
            "800 = clicks[1]"
        ]
    );
    assert_eq!(traced("CTR 3.9 %, down 12.5 %"), ["3.9 % = ctr[0]", "12.5 % = ctr[1]"]);
    assert_eq!(traced("CHF 1.2k, or about 641"), ["CHF 1.2k = total.cost", "641 = cost[0]"]);
    assert_eq!(traced("ROAS 0.42× and 3.2"), ["0.42× = roas[0]", "3.2 = roas[2]"]);
    assert_eq!(traced("conversions come up to 14 days late"), ["14 = notes"]);
}

#[test]
fn rounding_is_by_printed_places_and_units_must_fit() {
    for answer in [
        "CHF 1,181",
        "CHF 1,100",
        "1.5k",
        "EUR 420",
        "43 %",
        "3.8 %",
        "1311 %",
        "CHF 1311",
        "+12.5 %",
        "0.43×",
    ] {
        let missing = check(answer, "", &evidence());
        assert_eq!(unverified(&missing).len(), 1, "{answer}: {missing:?}");
    }
}

#[test]
fn the_row_named_on_the_line_is_preferred() {
    let mut result = waste();
    result.rows[2][2] = crate::catalogue::Cell::Int(800);
    let mut evidence = Evidence::default();
    evidence.add("c1", Found::Rows(Box::new(result)));
    let rows = |answer: &str| check(answer, "", &evidence).iter().map(|r| r.row).collect::<Vec<_>>();
    assert_eq!(rows("Brand 24/7 had 800 clicks"), [Some(2)]);
    assert_eq!(rows("Trail Shoes had 800 clicks"), [Some(1)]);
}

#[test]
fn quoted_names_and_the_question_need_no_receipt() {
    assert_eq!(traced("Harvest Sale 2025 and Brand 24/7"), Vec::<String>::new());
    let receipts = check("With the next CHF 100,000: 77", "what to do with the next 100k?", &evidence());
    assert_eq!(unverified(&receipts), ["77"]);
    assert_eq!(receipts.len(), 1);
}

#[test]
fn a_name_that_is_only_a_number_hides_nothing() {
    let mut result = waste();
    result.rows[0][0] = crate::catalogue::Cell::Text("777".into());
    let mut evidence = Evidence::default();
    evidence.add("c1", Found::Rows(Box::new(result)));
    assert_eq!(unverified(&check("777 clicks", "", &evidence)), ["777"]);
}

/// A run of the fixture's query with these parameters, chosen so, after these words of the person.
fn run_with(values: serde_json::Value, by: ChosenBy, said: &str) -> Evidence {
    let mut result = waste();
    result.params = values.as_object().unwrap().clone();
    result.notes = vec!["min_spend 9876 is out of bounds (0 to 500): 500 was used.".into()];
    let mut evidence = Evidence::default();
    evidence.hear(said);
    evidence.add_run("c1", Box::new(result), &params(), by);
    evidence
}

#[test]
fn a_parameter_is_a_finding_only_when_the_file_or_the_person_chose_it() {
    let left = |evidence: &Evidence, answer: &str| {
        unverified(&check(answer, "", evidence)).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let model = run_with(json!({"min_spend": 4321, "limit": 20}), ChosenBy::Model, "");
    assert_eq!(left(&model, "You wasted CHF 4,321."), ["CHF 4,321"], "the model's own number comes back");
    assert_eq!(left(&model, "At most 20 are listed."), Vec::<String>::new(), "the default of the file");
    assert_eq!(left(&model, "That is CHF 20."), ["CHF 20"], "in its own unit only");
    assert_eq!(left(&model, "9,876 orders, of 500"), ["9,876"], "a note repeats what was sent");
    let asked = run_with(json!({"min_spend": 4321}), ChosenBy::Model, "anything over 4321?");
    assert_eq!(left(&asked, "Over CHF 4,321:"), Vec::<String>::new());
    let planner = run_with(json!({"min_spend": 4321}), ChosenBy::Planner, "");
    assert_eq!(left(&planner, "Over CHF 4,321:"), Vec::<String>::new(), "a playbook's own threshold");
}

#[test]
fn what_a_model_wrote_is_no_name() {
    let values = json!({"about": "profit of 98765 in May", "campaign": "Spring Push 77"});
    let evidence = run_with(values, ChosenBy::Model, "");
    let receipts = check("We see a profit of 98765 in May for Spring Push 77.", "", &evidence);
    assert_eq!(unverified(&receipts), ["98765"]);
    assert_eq!(receipts.len(), 1, "a matched entity is a name");
}

#[test]
fn a_sentence_of_the_data_is_no_name() {
    let mut result = waste();
    result.columns[0].entity = false;
    result.rows[1][0] = crate::catalogue::Cell::Text("Counted over 28 days".into());
    let mut evidence = Evidence::default();
    evidence.add_run("c1", Box::new(result), &params(), ChosenBy::Model);
    let receipts = check("Counted over 28 days", "", &evidence);
    assert_eq!(receipts.into_iter().map(origin).collect::<Vec<_>>(), ["28 = campaign[1]"]);
}

#[test]
fn the_figures_of_a_draft_get_receipts() {
    let mut evidence = Evidence::default();
    let draft = json!({
        "id": "01990000-0000-7000-8000-000000000000",
        "title": "Cut the budget of Brand 24/7",
        "diff": ["Daily budget: 200.00 → 180.00 CHF (−10.0 %)", "Saved a week: ≈ 140.00 CHF"],
        "impact": {"mid": "-60.5"},
        "required_approvals": 1
    });
    evidence.add("c1", Found::Other(draft));
    let answer = "I drafted \"Cut the budget of Brand 24/7\": Daily budget: 200.00 → 180.00 CHF (−10.0 %). \
                  About CHF 60.50 less profit; 1 approval. CHF 1,990,000 later.";
    let receipts = check(answer, "", &evidence);
    assert_eq!(unverified(&receipts), ["CHF 1,990,000"]);
    let found: Vec<String> = receipts.into_iter().map(origin).collect();
    assert_eq!(
        found,
        [
            "200.00 = diff.0",
            "180.00 CHF = diff.0",
            "−10.0 % = diff.0",
            "CHF 60.50 = impact.mid",
            "1 = required_approvals",
            "CHF 1,990,000 = unverified",
        ]
    );
}

#[test]
fn a_hidden_word_names_no_row() {
    let mut result = waste();
    result.columns.push(crate::chat::fixtures::column("kind", crate::catalogue::ColumnType::Text));
    result.columns[5].hidden = true;
    result.rows.iter_mut().for_each(|row| row.push(crate::catalogue::Cell::Text("campaign".into())));
    result.rows[1][4] = crate::chat::fixtures::money("3.2");
    let mut evidence = Evidence::default();
    evidence.add_run("c1", Box::new(result), &params(), ChosenBy::Model);
    let receipts = check("Nothing came of 3 campaigns.", "", &evidence);
    assert_eq!(receipts.into_iter().map(origin).collect::<Vec<_>>(), ["3 = n"]);
}

#[test]
fn the_lines_of_a_draft_come_before_an_equal_cell() {
    let mut evidence = evidence();
    evidence.add("c2", Found::Other(json!({"title": "Pause", "diff": ["Revenue at risk: ≈ 420.00 CHF"]})));
    let receipts = check("Revenue at risk: ≈ 420.00 CHF", "", &evidence);
    assert_eq!(receipts.into_iter().map(origin).collect::<Vec<_>>(), ["420.00 CHF = diff.0"]);
}
