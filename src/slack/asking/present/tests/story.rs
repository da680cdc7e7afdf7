//! What people see, case by case.
use super::*;
use insta::assert_snapshot;

#[test]
fn an_answer_is_streamed_and_its_status_goes() {
    let mut thread = Thread::new();
    thread.status().run();
    thread.hear(text("Spend was 40.\n")).run();
    thread.hear(text("So it was.")).run();
    thread.later(1).hear(completed("Spend was 40.\nSo it was.")).run();
    assert_eq!(thread.over, Some(true));
    assert_eq!(thread.status, "");
    assert_snapshot!(thread.calls.join("\n"), @r"
    status Reading spend…
    start Spend was 40./
    append 1 So it was.
    stop 1 Tail
    status 
    ");
}

#[test]
fn text_is_gathered_before_it_is_appended() {
    let mut thread = Thread::new();
    thread.hear(text("a\n")).run();
    for _ in 0..25 {
        thread.hear(text("123456789\n")).run();
    }
    assert_eq!(thread.calls.len(), 1);
    thread.hear(text("123456789\n")).run();
    assert_eq!(thread.calls[1], "append 1 260 chars");
    thread.hear(text("d\n")).run();
    assert_eq!(thread.calls.len(), 2);
    thread.later(1);
    assert_eq!(thread.calls[2], "append 1 d/", "what waits too long is sent");
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
    thread.hear(text("one\n")).run();
    thread.later(239).hear(text("two\n")).run();
    thread.later(1).hear(text("three\n")).run();
    thread.later(1).hear(completed("one\ntwo\nthree\n")).run();
    assert_snapshot!(thread.calls.join("\n"), @r"
    start one/
    append 1 two/
    stop 1 Nothing
    start three/
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
    assert_eq!(thread.whole(), answer.trim_end());
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
    thread.hear(text("a\n")).run();
    thread.hear(text("b\n")).run();
    assert!(thread.said[0].stop, "a button stops it");
    thread.later(1).hear(text("c")).run();
    thread.hear(completed("a\nb\nc")).run();
    assert_snapshot!(thread.calls.join("\n"), @r"
    start a/
    post a/ Stop
    edit 1 a/b/ Stop
    edit 1 a/b/c Tail
    ");
}

#[test]
fn where_there_is_no_status_a_message_says_what_is_going_on() {
    let mut thread = Thread::new();
    thread.refuse.push(("status", "missing_scope"));
    thread.status().run();
    assert_eq!(thread.said[0].text, "Reading spend…");
    thread.later(1).hear(text("Done.")).hear(completed("Done.")).run();
    assert_eq!((thread.whole().as_str(), thread.feet(), thread.said.len()), ("Done.", 1, 1));
}

#[test]
fn withdrawn_text_is_replaced_where_it_stood() {
    let mut thread = Thread::with(Limits { part: 12, ..Limits::default() });
    thread.hear(text("wrong wrong\nwrong wrong\nwrong\n")).finish_text();
    assert_eq!(thread.said.len(), 3);
    thread.hear(anew("right\n")).run();
    thread.hear(completed("right\n")).finish();
    assert_eq!((thread.whole().as_str(), thread.said.len(), thread.feet()), ("right", 1, 1));
}

#[test]
fn an_answer_other_than_what_was_streamed_replaces_it() {
    let mut thread = Thread::new();
    thread.hear(text("half an\nans")).run();
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
    thread.hear(text("Shown.\n")).run();
    thread.hear(text("Not shown.\n")).run();
    thread.hear(cancelled()).run();
    assert_eq!(thread.whole(), "Shown.\n\n\n⏹️ Stopped at your request.");
    assert_eq!((thread.feet(), thread.over), (0, Some(true)));
}

#[test]
fn slacks_own_stop_button_cancels() {
    let mut thread = Thread::new();
    thread.hear(text("Shown.\n")).run();
    thread.refuse.push(("append", "stopped_by_user"));
    thread.later(1).hear(text("More.\n")).later(1);
    assert!(thread.show.wants_cancel());
    thread.hear(text("Even more.\n")).later(1);
    thread.hear(cancelled()).run();
    assert_eq!(thread.whole(), "Shown.\n⏹️ Stopped at your request.");
}

#[test]
fn what_slack_stopped_before_we_heard_of_it_is_still_said() {
    let mut thread = Thread::new();
    thread.hear(text("Shown.\n")).run();
    thread.refuse.push(("append", "stopped_by_user"));
    thread.hear(cancelled()).run();
    thread.later(1);
    assert_eq!(thread.whole(), "Shown.\n⏹️ Stopped at your request.");
    assert_eq!(thread.over, Some(true));
}

#[test]
fn a_stream_that_slack_ended_goes_on_as_an_edited_message() {
    let mut thread = Thread::new();
    thread.hear(text("one\n")).run();
    thread.luck.push_back(Luck::Ended);
    thread.hear(text("two\n")).later(1);
    thread.hear(text("three")).later(1);
    thread.hear(completed("one\ntwo\nthree")).finish();
    assert_eq!((thread.whole().as_str(), thread.said.len(), thread.feet()), ("one\ntwo\nthree", 1, 1));
}

#[test]
fn a_pause_that_slack_asks_for_is_kept() {
    let mut thread = Thread::new();
    thread.luck.push_back(Luck::Limited);
    thread.hear(text("one\n")).run();
    thread.later(2);
    assert_eq!(thread.calls.len(), 1);
    thread.later(1);
    assert_eq!(thread.whole(), "one");
}

#[test]
fn refused_blocks_become_plain_text() {
    let mut thread = Thread::new();
    thread.hear(text("one\n")).run();
    thread.refuse.push(("stop", "invalid_blocks"));
    thread.hear(completed("one\n")).run();
    assert!(thread.show.is_plain());
    thread.refuse.clear();
    thread.finish();
    assert_eq!(thread.feet(), 1, "{:?}", thread.calls);
}

#[test]
fn a_place_where_nothing_can_be_said_is_left() {
    let mut thread = Thread::new();
    thread.refuse.push(("start", "is_archived"));
    thread.hear(text("one\n")).run();
    assert_eq!(thread.over, Some(false));
}

#[test]
fn the_question_stands_above_every_wording() {
    let mut thread = Thread::new();
    thread.show = Presenter::new(Limits::default(), Markdown::ours("> by city?\n\n"));
    thread.status().run();
    assert!(thread.said.is_empty(), "the question alone is no answer");
    thread.hear(text("wrong\n")).run();
    thread.hear(anew("right\n")).run();
    thread.hear(completed("right\n")).finish();
    assert_eq!(thread.whole(), "> by city?\n\nright");
}

#[test]
fn names_from_the_data_do_not_format() {
    let mut thread = Thread::new();
    let name = "<!channel> *bold* <https://evil.example|x>";
    thread.show.know([name]);
    let said = crate::chat::scrub::scrub(&format!("The campaign {name} spent **40**.\n"));
    thread.hear(text(&said)).hear(completed(&said)).finish();
    let shown = thread.whole();
    assert!(shown.contains("**40**") && shown.contains(r"\*bold\*"), "{shown}");
    assert!(["<!", "<@", "<h", "](", "://"].iter().all(|bad| !shown.contains(bad)), "{shown}");
}
