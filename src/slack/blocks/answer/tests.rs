use super::super::Names;
use super::super::text::tests::HOSTILE;
use super::*;

fn tail() -> Tail {
    Tail {
        sources: vec![Source {
            title: "Wasted spend".into(),
            query: "find_waste".into(),
            rows_shown: 12,
            rows_total: 40,
            window: Window::new("2025-08-18".parse().unwrap(), "2025-09-16".parse().unwrap()),
            newest: vec![
                ("google_ads".into(), Some("2025-09-16".parse().unwrap()), false),
                ("meta_ads".into(), Some("2025-09-10".parse().unwrap()), true),
            ],
        }],
        figures: (7, 8),
        unverified: vec!["CHF 12".into()],
        data: vec![("Wasted spend".into(), "run-1".into())],
        pause: Some((HOSTILE.into(), "turn-1/run-1".into())),
        follow_ups: vec![(format!("Why did {HOSTILE} fall?"), "turn-1:0".into())],
        turn: Some("turn-1".into()),
    }
}

#[test]
fn the_tail_of_an_answer() {
    insta::assert_json_snapshot!(answer_tail(&tail()));
    assert!(answer_tail(&Tail::default()).is_empty());
}

#[test]
fn a_long_answer_takes_several_messages_and_the_tail_ends_it() {
    let text = Markdown::answer(&"A paragraph of the answer.\n\n".repeat(1500), &Names::default());
    assert!(text.len() > 40_000);
    let messages = answer(&text, answer_tail(&tail()));
    assert_eq!(messages.len(), 4);
    for message in &messages {
        assert!(message.blocks[0]["text"].as_str().unwrap().chars().count() <= MARKDOWN);
        assert!(message.text.starts_with("A paragraph"));
    }
    assert_eq!(messages[3].blocks.last().unwrap()["type"], "context_actions");
    let said: String =
        messages.iter().map(|m| m.blocks[0]["text"].as_str().unwrap().replace('\n', "")).collect();
    assert_eq!(said, text.as_str().replace('\n', ""), "nothing is lost at the cuts");
}

#[test]
fn status_stop_and_failure() {
    insta::assert_json_snapshot!(vec![
        Some(status("C1", "1.2", Some("Reading spend for the last 30 days…"))),
        Some(status("C1", "1.2", None)),
        stop_button("turn-1"),
    ]);
    insta::assert_json_snapshot!(failed("The model did not answer <!here>. Ask again.", Some("turn-1")));
}
