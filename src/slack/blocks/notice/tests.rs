use super::*;

fn texts(message: &Message) -> String {
    let all = serde_json::to_string(&message.blocks).unwrap();
    format!("{} {all}", message.text)
}

fn digest(found: u32) -> Digest {
    Digest {
        day: "2025-09-17".parse().unwrap(),
        found,
        impact: (found > 0).then(|| "€1,180 in 7 days".to_owned()),
        top: (0..found)
            .map(|n| Finding {
                title: format!("Finding {n} <!channel>"),
                value: "€300 a week".to_owned(),
                question: Some(format!("why {n}?")),
            })
            .collect(),
        health: Vec::new(),
    }
}

#[test]
fn a_digest_shows_three_findings_each_with_its_button() {
    let message = notice(&Notice::Digest(digest(5)));
    let buttons = message.blocks.iter().filter(|b| b.pointer("/accessory/type").is_some()).count();
    assert_eq!(buttons, 3);
    let text = texts(&message);
    assert!(text.contains("*5* found · estimated impact *€1,180 in 7 days*"), "{text}");
    assert!(text.contains("Data: complete and fresh") && !text.contains("<!channel>"), "{text}");
}

#[test]
fn a_digest_of_nothing_says_that_all_is_clear() {
    let text = texts(&notice(&Notice::Digest(Digest {
        health: vec!["no Meta data since 3 h".to_owned()],
        ..digest(0)
    })));
    assert!(text.contains("All clear") && text.contains("⚠️ Data: no Meta data since 3 h"), "{text}");
}

#[test]
fn an_alert_that_is_over_says_so_and_offers_nothing() {
    let alert = Alert {
        incident: "A1".to_owned(),
        title: "No conversions since 09:00".to_owned(),
        lines: vec!["Expected 12, got 0.".to_owned()],
        opened_at: "2025-09-17T09:00:00Z".parse().unwrap(),
        resolved_at: None,
        question: Some("what happened?".to_owned()),
    };
    let open = texts(&notice(&Notice::Alert(alert.clone())));
    assert!(open.contains("🚨 No conversions since 09:00") && open.contains("Look into it"), "{open}");
    let over = Alert { resolved_at: Some("2025-09-17T11:00:00Z".parse().unwrap()), ..alert };
    let over = texts(&notice(&Notice::Alert(over)));
    assert!(over.contains("✅ Resolved: No conversions") && !over.contains("Look into it"), "{over}");
}
