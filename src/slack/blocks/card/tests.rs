use super::*;
use serde_json::json;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A pause that waits, with every button.
fn view() -> CardView {
    let token = |name: &str| Some(format!("token-{name}"));
    CardView {
        number: 12,
        revision: 2,
        title: "Pause Prospecting cold".to_owned(),
        state: DraftState::Pending,
        tier: Tier::Medium,
        requester: Some(Person::Linked("U0MARA".to_owned())),
        platform: "Meta Ads".to_owned(),
        account: "act_42".to_owned(),
        reason: "No conversion in 30 days at 30.00 a day.".to_owned(),
        per_day: "€30.00".to_owned(),
        in_total: "€210.00 over 7 days".to_owned(),
        effect: "€150.00 contribution (€100.00 to €200.00), 95 % confident".to_owned(),
        reversible: "yes: the campaign is resumed".to_owned(),
        guardrails_passed: 6,
        guardrails: 6,
        warnings: Vec::new(),
        diff: vec!["Status: active → paused".to_owned(), "Daily spend saved: ~30.00 EUR".to_owned()],
        evidence: vec!["find_waste (days 30), data of 2025-09-17 03:00 UTC".to_owned()],
        expires_at: at("2025-09-24T09:00:00Z"),
        held_until: None,
        execute_at: None,
        have: 0,
        need: 1,
        missing: Vec::new(),
        unconfirmed: Vec::new(),
        may_approve: "approvers".to_owned(),
        requester_may: false,
        rejected_before: None,
        assignee: None,
        decided_by: None,
        decided_at: None,
        applied_at: None,
        reason_code: None,
        note: None,
        buttons: Buttons {
            approve: token("approve"),
            edit: token("edit"),
            reject: token("reject"),
            ask: token("ask"),
            hold: token("hold"),
            hand: token("hand"),
            ..Buttons::default()
        },
    }
}

/// Everything a reader can see, a line each; buttons in brackets.
fn shown(message: &Message) -> String {
    fn texts(value: &Value, out: &mut Vec<String>) {
        match value {
            Value::Object(map) if map.get("type") == Some(&json!("button")) => {
                out.push(format!("[{}]", map["text"]["text"].as_str().unwrap()));
            }
            Value::Object(map) if map.get("type") == Some(&json!("overflow")) => {
                let options = map["options"].as_array().unwrap();
                let names: Vec<&str> = options.iter().map(|o| o["text"]["text"].as_str().unwrap()).collect();
                out.push(format!("[⋯ {}]", names.join(" | ")));
            }
            Value::Object(map) => {
                if let Some(text) = map.get("text").and_then(Value::as_str) {
                    out.push(text.to_owned());
                }
                map.iter().filter(|(key, _)| *key != "confirm").for_each(|(_, v)| texts(v, out));
            }
            Value::Array(items) => items.iter().for_each(|item| texts(item, out)),
            Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    let mut out = vec![format!("({})", message.text)];
    message.blocks.iter().for_each(|block| texts(block, &mut out));
    out.join("\n")
}

#[test]
fn a_card_that_waits_shows_what_why_and_what_it_costs() {
    insta::assert_snapshot!(shown(&card(&view())));
}

#[test]
fn each_state_says_what_became_of_it_and_offers_what_can_follow() {
    let decided = |state| CardView {
        state,
        decided_by: Some(Person::Linked("U0ARON".to_owned())),
        decided_at: Some(at("2025-09-17T12:03:00Z")),
        buttons: Buttons::default(),
        ..view()
    };
    let again = Buttons { again: Some("token-again".to_owned()), ..Buttons::default() };
    let states = [
        CardView {
            have: 1,
            buttons: Buttons { apply: Some("t".to_owned()), ..Buttons::default() },
            ..decided(DraftState::Approved)
        },
        CardView { have: 1, execute_at: Some(at("2025-09-18T06:00:00Z")), ..decided(DraftState::Scheduled) },
        CardView { have: 1, applied_at: Some(at("2025-09-17T12:04:00Z")), ..decided(DraftState::Executed) },
        CardView {
            reason_code: Some(ReasonCode::BadTiming),
            note: Some("The sale starts.".to_owned()),
            buttons: again.clone(),
            ..decided(DraftState::Rejected)
        },
        CardView { decided_by: None, buttons: again.clone(), ..decided(DraftState::Expired) },
        CardView { note: Some("Asked twice.".to_owned()), buttons: again, ..decided(DraftState::Cancelled) },
        CardView { state: DraftState::ChangesRequested, note: Some("Only half of it.".to_owned()), ..view() },
        CardView {
            state: DraftState::Stale,
            note: Some("status was active when drafted and is now paused.".to_owned()),
            buttons: Buttons { refresh: Some("t".to_owned()), ..Buttons::default() },
            ..view()
        },
    ];
    let lines: Vec<String> = states
        .iter()
        .map(|view| {
            let text = shown(&card(view));
            let lines = text.lines().filter(|l| !l.contains("Account") && !l.contains('€'));
            let keep = [
                "(", "Draft 12", "✅ *", "❌ *", "⌛ *", "🚫 *", "✏️ *", "⚠️ *", "[", "1/", "0/", "bad",
                "Asked", "Only", "status",
            ];
            lines.filter(|l| keep.iter().any(|k| l.starts_with(k))).collect::<Vec<_>>().join("\n")
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n\n"));
}

#[test]
fn two_approvals_are_counted_and_what_is_missing_is_named() {
    let view = CardView {
        tier: Tier::Critical,
        need: 2,
        have: 1,
        missing: vec!["compliance".to_owned()],
        unconfirmed: vec![Person::Named("Sofia Brandt".to_owned())],
        assignee: Some(Person::Linked("U0SOFIA".to_owned())),
        ..view()
    };
    let message = card(&view);
    let footer = message.blocks.last().unwrap()["elements"][0]["text"].as_str().unwrap();
    insta::assert_snapshot!(footer);
    let approve = message.blocks.iter().find(|b| b["type"] == "actions").unwrap()["elements"][0].clone();
    insta::assert_snapshot!(approve["confirm"]["text"]["text"].as_str().unwrap());
}

#[test]
fn a_click_takes_the_buttons_away_at_once() {
    let message = processing(&view(), "approving");
    assert!(!message.blocks.iter().any(|b| b["type"] == "actions"), "{:?}", message.blocks);
    assert!(shown(&message).contains("⏳ Processing… approving"));
}

/// Texts that Slack formats.
fn mrkdwn_of(value: &Value, out: &mut Vec<String>) {
    match value {
        Value::Object(map) if map.get("type").is_some_and(|kind| kind == "mrkdwn") => {
            out.extend(map["text"].as_str().map(str::to_owned));
        }
        Value::Object(map) => map.values().for_each(|value| mrkdwn_of(value, out)),
        Value::Array(list) => list.iter().for_each(|value| mrkdwn_of(value, out)),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[test]
fn hostile_names_are_no_link_no_mention_and_no_formatting() {
    let evil = "<!channel> *bold* <https://evil.example|x> <@U0MARA> &amp; :tada:";
    let view = CardView {
        title: format!("Pause {evil}"),
        reason: evil.to_owned(),
        account: evil.to_owned(),
        effect: evil.to_owned(),
        diff: vec![evil.to_owned()],
        evidence: vec![evil.to_owned()],
        warnings: vec![Warning { severity: Severity::Warn, message: evil.to_owned(), overridden: false }],
        note: Some(evil.to_owned()),
        requester: Some(Person::Named(evil.to_owned())),
        state: DraftState::ChangesRequested,
        ..view()
    };
    for message in [card(&view), processing(&view, "approving")] {
        let text = serde_json::to_string(&message.blocks).unwrap() + &message.text;
        for token in ["<!channel", "<https", "<@U0MARA"] {
            assert!(!text.contains(token), "{token} in {text}");
        }
        // Plain and rich text show asterisks as they are.
        let mut marked = vec![message.text.clone()];
        message.blocks.iter().for_each(|block| mrkdwn_of(block, &mut marked));
        assert!(marked.len() > 2 && marked.iter().all(|text| !text.contains("*bold*")), "{marked:?}");
    }
}

#[test]
fn a_long_draft_stays_within_the_limits() {
    let long = "word ".repeat(2_000);
    let view = CardView {
        title: long.clone(),
        reason: long.clone(),
        account: long.clone(),
        effect: long.clone(),
        diff: vec![long.clone(); 200],
        evidence: vec![long.clone(); 20],
        warnings: vec![Warning { severity: Severity::Hold, message: long.clone(), overridden: true }; 20],
        note: Some(long),
        state: DraftState::Rejected,
        ..view()
    };
    let message = card(&view);
    assert!(message.blocks.len() <= 50);
    for block in &message.blocks {
        if let Some(text) = block["text"]["text"].as_str() {
            let most = if block["type"] == "header" { 150 } else { 3_000 };
            assert!(text.chars().count() <= most, "{} has {}", block["type"], text.chars().count());
        }
    }
    assert!(shown(&message).contains("… and 180 more"));
}
