use super::super::{Markdown, Mrkdwn, kit, mrkdwn, plain};
use super::*;
use serde_json::json;

#[test]
fn blocks_beyond_the_limits_go_into_further_messages() {
    let blocks =
        kit::sections(&Mrkdwn::join((0..3000).map(|n| mrkdwn(&format!("line {n} of many & more"))), "\n"));
    let many: Vec<Value> = (0..120).map(|n| blocks[n % blocks.len()].clone()).collect();
    let messages = Message::new(&plain("first"), many.clone()).within_limits();
    assert_eq!(messages.iter().map(|m| m.blocks.len()).collect::<Vec<_>>(), [50, 50, 20]);
    assert_eq!(messages[0].text, "first");
    assert!(messages[1].text.starts_with("line ") && messages[1].text.chars().count() <= TEXT);
    assert_eq!(messages.into_iter().flat_map(|m| m.blocks).collect::<Vec<_>>(), many);
}

#[test]
fn charts_tables_and_markdown_have_limits_of_their_own() {
    let of = |kind: &str| json!({"type": kind, "title": kind});
    let blocks = vec![
        of("data_visualization"),
        of("data_visualization"),
        of("data_visualization"),
        of("data_table"),
        of("data_table"),
    ];
    let counts: Vec<usize> =
        Message::new(&plain("x"), blocks).within_limits().iter().map(|m| m.blocks.len()).collect();
    assert_eq!(counts, [2, 2, 1]);
    let long = Markdown::data(&"word ".repeat(390));
    let mut all = Markdown::default();
    (0..20).for_each(|_| all.push(&long));
    let messages = Message::new(&plain("x"), kit::markdown(&all)).within_limits();
    assert!(messages.len() > 3);
    for message in messages {
        let all: usize = message.blocks.iter().map(|b| b["text"].as_str().unwrap().chars().count()).sum();
        assert!(all <= MARKDOWN, "{all}");
    }
}

#[test]
fn what_blocks_say_is_text_again() {
    let blocks = vec![
        kit::header(&plain("A & B")),
        json!({"type": "section", "text": kit::mrkdwn_text(&mrkdwn("<!here> *x*"))}),
    ];
    assert_eq!(spoken(&blocks), "A &amp; B\n‹!here› ∗x∗");
}

#[test]
fn a_text_is_cut_where_it_may_be() {
    assert_eq!(cut("short"), "short");
    let long = cut(&"&amp;".repeat(2000));
    assert!(long.chars().count() <= TEXT && long.ends_with("&amp;…"));
    assert_eq!(pieces("abcdefgh", 3, |_| true), ["abc", "def", "gh"]);
    assert_eq!(pieces("ab cd\n\nef gh", 8, |_| true), ["ab cd", "ef gh"]);
    assert_eq!(pieces("", 8, |_| true), [""]);
}

#[test]
fn a_message_is_sent_so_that_slack_reads_nothing_into_it() {
    let message = Message::new(&plain("<!channel> www.evil.example"), Vec::new());
    let args = message.post("C1", Some("1.2"));
    insta::assert_json_snapshot!(args, @r#"
    {
      "blocks": [],
      "channel": "C1",
      "link_names": false,
      "mrkdwn": false,
      "parse": "none",
      "text": "‹!channel› www.evil.example",
      "thread_ts": "1.2",
      "unfurl_links": false,
      "unfurl_media": false
    }
    "#);
    assert_eq!(message.update("C1", "1.2")["parse"], "none");
    assert_eq!(message.ephemeral("C1", "U1", None)["parse"], "none");
    assert_eq!(message.reply(false, true)["response_type"], "ephemeral");
}
