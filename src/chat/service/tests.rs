use super::*;
use crate::clock::{Clock as _, ManualClock};

/// A reader that gave up before the end has not seen the turn fail.
#[test]
fn a_turn_without_its_end_is_not_said_to_have_failed() {
    let clock = ManualClock::at("2025-09-17T08:00:00Z".parse().unwrap());
    let turn_id = TurnId::new(&*clock);
    let event = |seq, kind| TurnEvent { turn_id, seq, at: clock.now(), kind };
    let cut = FinishedTurn {
        turn_id,
        conversation_id: ConversationId::new(&*clock),
        events: vec![event(1, TurnEventKind::Status { line: "Looking".to_owned() })],
    };
    assert_eq!(cut.clone().whole().unwrap_err().code(), "storage.unavailable");
    let message = "Stopped.".to_owned();
    let end = TurnEventKind::Cancelled { code: "turn.cancelled".to_owned(), message, retryable: true };
    let whole = FinishedTurn { events: vec![event(2, end)], ..cut };
    assert!(whole.whole().is_ok());
}

/// With a model at hand, only what calls a playbook is the planner's.
#[test]
fn a_command_is_what_the_playbooks_call_so() {
    let books = Playbooks::embedded().unwrap();
    for message in
        ["/find_waste 30", "find_waste 30", "@adjutant find_waste 30", "<@U1> /find_waste", "/help"]
    {
        assert!(offline::is_command(&books, message), "{message}");
    }
    for message in ["/pricing converts badly, why?", "utm_source is missing where?", "find waste", "help me"]
    {
        assert!(!offline::is_command(&books, message), "{message}");
    }
}
