use super::*;

/// What is wrong with one block of a message, in Slack's words.
fn wrong(block: Value) -> Vec<String> {
    check(&json!([block]), Place::Message).err().unwrap_or_default()
}

#[track_caller]
fn fits(block: Value) {
    assert_eq!(wrong(block), Vec::<String>::new());
}

#[track_caller]
fn refused(block: Value, because: &str) {
    let errors = wrong(block);
    assert!(errors.iter().any(|e| e.contains(because)), "expected '{because}' in {errors:?}");
}

fn mrkdwn(length: usize) -> Value {
    json!({"type": "mrkdwn", "text": "x".repeat(length)})
}

fn plain(length: usize) -> Value {
    json!({"type": "plain_text", "text": "x".repeat(length)})
}

fn button() -> Value {
    json!({"type": "button", "action_id": "go", "text": plain(75), "value": "v".repeat(2000)})
}

fn in_actions(element: Value) -> Value {
    json!({"type": "actions", "elements": [element]})
}

#[test]
fn texts_may_be_as_long_as_slack_says_and_no_longer() {
    fits(json!({"type": "section", "text": mrkdwn(3000)}));
    refused(
        json!({"type": "section", "text": mrkdwn(3001)}),
        "must be less than 3001 characters [json-pointer:/blocks/0/text/text]",
    );
    fits(json!({"type": "section", "fields": [mrkdwn(2000)]}));
    refused(json!({"type": "section", "fields": [mrkdwn(2001)]}), "2001 characters");
    fits(json!({"type": "header", "text": plain(150)}));
    refused(json!({"type": "header", "text": plain(151)}), "151 characters");
    refused(json!({"type": "header", "text": mrkdwn(10)}), "must be plain_text");
    fits(in_actions(button()));
    let mut long = button();
    long["text"] = plain(76);
    refused(in_actions(long), "76 characters");
    let mut heavy = button();
    heavy["value"] = json!("v".repeat(2001));
    refused(in_actions(heavy), "2001 characters");
}

#[test]
fn counts_are_limited() {
    refused(json!({"type": "section", "fields": vec![mrkdwn(1); 11]}), "no more than 10 items");
    refused(json!({"type": "context", "elements": vec![mrkdwn(1); 11]}), "no more than 10 items");
    refused(json!({"type": "context", "elements": []}), "no less than 1 items");
    let many = vec![json!({"type": "divider"}); 51];
    assert!(check(&json!(many), Place::Message).unwrap_err()[0].contains("no more than 50 items"));
    assert_eq!(check(&json!(many), Place::Modal), Ok(()));
}

#[test]
fn what_slack_does_not_know_is_refused() {
    refused(json!({"type": "sektion"}), "unsupported type: sektion");
    refused(json!({"text": mrkdwn(1)}), "missing required field: type");
    refused(json!({"type": "divider", "colour": "red"}), "invalid additional property: colour");
    refused(json!({"type": "section"}), "must provide text or fields");
    refused(in_actions(json!({"type": "plain_text_input", "action_id": "a"})), "unsupported type");
    refused(in_actions(json!({"type": "button", "text": plain(3), "style": "green"})), "primary, danger");
}

#[test]
fn ids_are_unique() {
    refused(json!({"type": "actions", "elements": [button(), button()]}), "action_id 'go' already exists");
    let twice = json!([{"type": "divider", "block_id": "b"}, {"type": "divider", "block_id": "b"}]);
    assert!(check(&twice, Place::Message).unwrap_err()[0].contains("used twice"));
}

#[test]
fn menus_and_confirms_are_checked() {
    let option = |value: &str| json!({"text": plain(5), "value": value});
    fits(in_actions(json!({"type": "overflow", "action_id": "m", "options": [option("a"), option("b")]})));
    let six: Vec<Value> = "abcdef".chars().map(|c| option(&c.to_string())).collect();
    refused(in_actions(json!({"type": "overflow", "action_id": "m", "options": six})), "no more than 5");
    refused(in_actions(json!({"type": "static_select", "action_id": "m", "options": []})), "no less than 1");
    let long = option(&"v".repeat(151));
    refused(
        in_actions(json!({"type": "static_select", "action_id": "m", "options": [long]})),
        "151 characters",
    );
    let mut confirmed = button();
    confirmed["confirm"] =
        json!({"title": plain(100), "text": mrkdwn(301), "confirm": plain(30), "deny": plain(31)});
    refused(in_actions(confirmed.clone()), "301 characters");
    refused(in_actions(confirmed), "31 characters");
}

#[test]
fn markdown_counts_over_the_whole_message() {
    let half = json!({"type": "markdown", "text": "x".repeat(6000)});
    assert_eq!(check(&json!([half, half]), Place::Message), Ok(()));
    let three = check(&json!([half, half, {"type": "markdown", "text": "x"}]), Place::Message);
    assert!(three.unwrap_err()[0].contains("12001 characters in all"));
    assert!(check(&json!([half]), Place::Home).unwrap_err()[0].contains("unsupported type: markdown"));
}

fn table(rows: usize, columns: usize, cell: &str) -> Value {
    let row = vec![json!({"type": "raw_text", "text": cell}); columns];
    json!({"type": "data_table", "caption": "Spend", "rows": vec![json!(row); rows]})
}

#[test]
fn tables_have_a_size() {
    fits(table(101, 20, "x"));
    refused(table(102, 20, "x"), "no more than 101 items");
    refused(table(2, 21, "x"), "1 to 20 cells");
    refused(table(1, 2, "x"), "no less than 2 items");
    refused(table(101, 20, "xxxxxx"), "10001 characters in all");
    let mut uneven = table(3, 2, "x");
    uneven["rows"][2] = json!([{"type": "raw_number", "value": 1}]);
    refused(uneven, "same number of cells");
    let mut bare = table(2, 1, "x");
    bare["caption"] = Value::Null;
    refused(bare, "missing required field: caption");
    let mut header = table(2, 1, "x");
    header["rows"][0][0] = json!({"type": "raw_number", "value": 1});
    refused(header, "must be one of raw_text");
    fits(json!({"type": "table", "rows": [[{"type": "raw_text", "text": "a"}]]}));
}

fn line(labels: &[&str]) -> Value {
    let data: Vec<Value> = labels.iter().map(|l| json!({"label": l, "value": 1.5})).collect();
    json!({"type": "data_visualization", "title": "Cost", "chart": {
        "type": "line", "series": [{"name": "Google", "data": data}],
        "axis_config": {"categories": labels, "x_label": "day", "y_label": "EUR"}}})
}

#[test]
fn charts_are_checked_and_two_are_enough() {
    fits(line(&["Mon", "Tue"]));
    let mut gap = line(&["Mon", "Tue"]);
    gap["chart"]["axis_config"]["categories"] = json!(["Mon", "Tue", "Wed"]);
    refused(gap, "one data point for each category");
    refused(line(&["a label that is far too long"]), "21 characters");
    let mut titled = line(&["Mon"]);
    titled["title"] = json!("x".repeat(51));
    refused(titled, "51 characters");
    let pie = json!({"type": "data_visualization", "title": "Share", "chart": {
        "type": "pie", "segments": [{"label": "Google", "value": 0}]}});
    refused(pie, "must be more than 0");
    let three = json!([line(&["a"]), line(&["a"]), line(&["a"])]);
    assert!(check(&three, Place::Message).unwrap_err()[0].contains("no more than 2 data visualizations"));
}

#[test]
fn views_are_checked() {
    let modal = |title: usize| {
        json!({"type": "modal", "title": plain(title), "submit": plain(4), "blocks": [
            {"type": "input", "label": plain(5), "element": {"type": "plain_text_input", "max_length": 3000}}]})
    };
    assert_eq!(check_view(&modal(24)), Ok(()));
    assert!(check_view(&modal(25)).unwrap_err()[0].contains("25 characters"));
    let mut unsent = modal(5);
    unsent["submit"] = Value::Null;
    assert!(check_view(&unsent).unwrap_err()[0].contains("required when the modal has input blocks"));
    let mut heavy = modal(5);
    heavy["private_metadata"] = json!("x".repeat(3001));
    assert!(check_view(&heavy).unwrap_err()[0].contains("3001 characters"));
    let mut long = modal(5);
    long["blocks"][0]["element"]["max_length"] = json!(3001);
    assert!(check_view(&long).unwrap_err()[0].contains("between 1 and 3000"));
    assert!(check_view(&json!({"type": "home", "title": plain(3), "blocks": []})).is_err());
    assert_eq!(check_view(&json!({"type": "home", "blocks": []})), Ok(()));
}

#[test]
fn ids_that_are_not_said_are_made_up() {
    let mut blocks = json!([{"type": "actions", "elements": [{"type": "button", "text": plain(2)}]}]);
    let mut n = 0;
    fill_ids(&mut blocks, &mut || {
        n += 1;
        format!("id{n}")
    });
    assert_eq!(blocks[0]["block_id"], "id1");
    assert_eq!(blocks[0]["elements"][0]["action_id"], "id2");
    assert_eq!(interactive(blocks.as_array().unwrap()).len(), 1);
}
