use super::*;
use crate::clock::ManualClock;
use crate::ids::new_uuid;

fn piece(text: &str, restart: bool) -> TurnEventKind {
    TurnEventKind::Text { text: text.into(), restart }
}

/// Whatever is grouped opens up into the same events.
#[test]
fn stored_text_opens_into_the_pieces_that_were_sent() {
    let clock: SharedClock = ManualClock::at("2025-09-17T08:00:00Z".parse().unwrap());
    let live = Live::new(TurnId(new_uuid(&*clock)), 1);
    let mut kinds = vec![
        piece("é", true),
        piece("ll", false),
        piece("", false),
        TurnEventKind::Status { line: "x".into() },
    ];
    kinds.extend((0..PIECES + 3).map(|n| piece(&format!("{n} "), false)));
    kinds.extend([piece("anew", true), piece("!", false)]);
    let sent: Vec<_> = kinds.into_iter().map(|kind| live.show(live.next(kind, &clock))).collect();
    let mut rows = Vec::new();
    sent.iter().for_each(|event| gather(&mut rows, event));
    let mut opened = Vec::new();
    for row in &rows {
        let (seq, at, kind, payload) = match row {
            Row::Text(group) => (group.seq, group.at, "text.delta", group.payload()),
            Row::Other(event) => (event.seq, event.at, event.kind.word(), json!({"line": "x"})),
        };
        open(live.turn, &StoredEvent { seq, at, kind: kind.into(), payload }, &mut opened);
    }
    assert!(rows.len() < 8);
    assert_eq!(json!(opened), json!(sent.iter().map(|e| (**e).clone()).collect::<Vec<_>>()));
}

#[test]
fn numbers_have_no_gaps_and_follow_what_was_stored() {
    let clock: SharedClock = ManualClock::at("2025-09-17T08:00:00Z".parse().unwrap());
    let live = Live::new(TurnId(new_uuid(&*clock)), 7);
    for text in ["a", "b"] {
        live.show(live.next(piece(text, false), &clock));
    }
    let seqs = |after| live.after(after).1.iter().map(|e| e.seq).collect::<Vec<_>>();
    assert_eq!((seqs(0), seqs(6), seqs(7), seqs(8)), (vec![7, 8], vec![7, 8], vec![8], vec![]));
}
