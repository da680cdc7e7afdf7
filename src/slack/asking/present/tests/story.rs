//! What people see, case by case.
use super::*;
use insta::assert_snapshot;

#[test]
fn an_answer_is_streamed_and_its_status_goes() {
    let mut thread = Thread::new();
    thread.status().run();
    thread.hear(text("Spend was ")).run();
    thread.hear(text("40.")).run();
    thread.later(1).hear(completed("Spend was 40.")).run();
    assert_eq!(thread.over, Some(true));
    assert_eq!(thread.status, "");
    assert_snapshot!(thread.calls.join("\n"), @r"
    status Reading spend…
    start Spend was 
    append 1 40.
    stop 1 Tail
    status 
    ");
}

#[test]
fn text_is_gathered_before_it_is_appended() {
    let mut thread = Thread::new();
    thread.hear(text("a")).run();
    for _ in 0..255 {
        thread.hear(text("b")).run();
    }
    assert_eq!(thread.calls.len(), 1);
    thread.hear(text("c")).run();
    assert_eq!(thread.calls[1], "append 1 256 chars");
    thread.hear(text("d")).run();
    assert_eq!(thread.calls.len(), 2);
    thread.later(1);
    assert_eq!(thread.calls[2], "append 1 d", "what waits too long is sent");
}

#[test]
fn a_status_is_never_older_than_two_minutes() {
    let mut thread = Thread::new();
    thread.status().run();
    for _ in 0..10 {
        thread.later(60);
    }
    let set = thread.calls.iter().filter(|call| call.starts_with("status Reading")).count();
    assert_eq!(set, 6, "{:?}", thread.calls);
}

#[test]
fn a_stream_is_replaced_after_four_minutes() {
    let mut thread = Thread::new();
    thread.hear(text("one ")).run();
    thread.later(239).hear(text("two ")).run();
    thread.later(1).hear(text("three")).run();
    thread.later(1).hear(completed("one two three")).run();
    assert_snapshot!(thread.calls.join("\n"), @r"
    start one 
    append 1 two 
    stop 1 Nothing
    start three
    stop 2 Tail
    ");
}

#[test]
fn a_long_answer_is_several_messages_and_nothing_is_sent_twice() {
    let line = "All of these words stand in one line of a long answer.\n";
    let answer = line.repeat(750);
    let mut thread = Thread::new();
    for piece in answer.as_bytes().chunks(100) {
        thread.hear(text(std::str::from_utf8(piece).unwrap())).later(0);
    }
    thread.hear(completed(&answer)).finish();
    assert_eq!(thread.whole(), answer);
    assert_eq!((thread.said.len(), thread.feet()), (4, 1));
    assert!(thread.said.iter().all(|said| said.text.chars().count() <= 12_000 && said.text.ends_with('\n')));
    let pieces = thread.calls.iter().filter(|call| call.starts_with("start") || call.starts_with("append"));
    let sent: usize = pieces.filter_map(|call| call.split(' ').rev().nth(1)?.parse::<usize>().ok()).sum();
    assert_eq!(sent, answer.len());
}

#[test]
fn where_streaming_is_refused_the_answer_is_edited_once_a_second() {
    let mut thread = Thread::new();
    thread.refuse.push(("start", "channel_type_not_supported"));
    thread.hear(text("a ")).run();
    thread.hear(text("b ")).run();
    assert!(thread.said[0].stop, "a button stops it");
    thread.later(1).hear(text("c")).run();
    thread.hear(completed("a b c")).run();
    assert_snapshot!(thread.calls.join("\n"), @r"
    start a 
    post a  Stop
    edit 1 a b  Stop
    edit 1 a b c Tail
    ");
}

#[test]
fn where_there_is_no_status_a_message_says_what_is_going_on() {
    let mut thread = Thread::new();
    thread.refuse.push(("status", "missing_scope"));
    thread.status().run();
    assert_eq!(thread.said[0].text, "_Reading spend…_");
    thread.later(1).hear(text("Done.")).hear(completed("Done.")).run();
    assert_eq!((thread.whole().as_str(), thread.feet(), thread.said.len()), ("Done.", 1, 1));
}

#[test]
fn withdrawn_text_is_replaced_where_it_stood() {
    let mut thread = Thread::with(Limits { part: 10, ..Limits::default() });
    thread.hear(text("wrong wrong wrong wrong")).finish_text();
    assert_eq!(thread.said.len(), 3);
    thread.hear(anew("right")).run();
    thread.hear(completed("right")).finish();
    assert_eq!((thread.whole().as_str(), thread.said.len(), thread.feet()), ("right", 1, 1));
}

#[test]
fn an_answer_other_than_what_was_streamed_replaces_it() {
    let mut thread = Thread::new();
    thread.hear(text("half an ans")).run();
    thread.hear(completed("The answer.")).finish();
    assert_eq!(thread.whole(), "The answer.");
}

#[test]
fn a_failure_is_said_in_the_thread() {
    let mut thread = Thread::new();
    thread.status().run();
    thread.hear(failed("The model gave up.")).run();
    assert_eq!((thread.whole().as_str(), thread.status.as_str()), ("⚠️ The model gave up.", ""));
    let mut thread = Thread::new();
    thread.hear(text("Half")).run();
    thread.hear(failed("The model gave up.")).run();
    assert_eq!(thread.whole(), "Half\n\n⚠️ The model gave up.");
}

#[test]
fn what_is_stopped_says_so_and_no_more() {
    let mut thread = Thread::new();
    thread.hear(text("Shown. ")).run();
    thread.hear(text("Not shown.")).run();
    thread.hear(cancelled()).run();
    assert_eq!(thread.whole(), "Shown. \n\n_Stopped at your request._");
    assert_eq!((thread.feet(), thread.over), (0, Some(true)));
}

#[test]
fn slacks_own_stop_button_cancels() {
    let mut thread = Thread::new();
    thread.hear(text("Shown. ")).run();
    thread.refuse.push(("append", "stopped_by_user"));
    thread.later(1).hear(text("More. ")).later(1);
    assert!(thread.show.wants_cancel());
    thread.hear(text("Even more.")).later(1);
    thread.hear(cancelled()).run();
    assert_eq!(thread.whole(), "Shown. _Stopped at your request._");
}

#[test]
fn a_stream_that_slack_ended_goes_on_as_an_edited_message() {
    let mut thread = Thread::new();
    thread.hear(text("one ")).run();
    thread.luck.push_back(Luck::Ended);
    thread.hear(text("two ")).later(1);
    thread.hear(text("three")).later(1);
    thread.hear(completed("one two three")).finish();
    assert_eq!((thread.whole().as_str(), thread.said.len(), thread.feet()), ("one two three", 1, 1));
}

#[test]
fn a_pause_that_slack_asks_for_is_kept() {
    let mut thread = Thread::new();
    thread.luck.push_back(Luck::Limited);
    thread.hear(text("one ")).run();
    thread.later(2);
    assert_eq!(thread.calls.len(), 1);
    thread.later(1);
    assert_eq!(thread.whole(), "one ");
}

#[test]
fn refused_blocks_become_plain_text() {
    let mut thread = Thread::new();
    thread.hear(text("one ")).run();
    thread.refuse.push(("stop", "invalid_blocks"));
    thread.hear(completed("one")).run();
    assert!(thread.show.is_plain());
    thread.refuse.clear();
    thread.finish();
    assert_eq!(thread.feet(), 1, "{:?}", thread.calls);
}

#[test]
fn a_place_where_nothing_can_be_said_is_left() {
    let mut thread = Thread::new();
    thread.refuse.push(("start", "is_archived"));
    thread.hear(text("one ")).run();
    assert_eq!(thread.over, Some(false));
}
