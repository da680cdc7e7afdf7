use super::super::text::tests::HOSTILE;
use super::super::{mrkdwn, plain};
use super::*;

#[test]
fn pieces_carry_the_marks_that_keep_data_text() {
    insta::assert_json_snapshot!(sections(&mrkdwn(HOSTILE).bold()), @r#"
    [
      {
        "text": {
          "text": "*&lt;!channel&gt; ∗bold∗ &lt;https://evil|x&gt;*",
          "type": "mrkdwn",
          "verbatim": true
        },
        "type": "section"
      }
    ]
    "#);
    insta::assert_json_snapshot!(button("card.approve", &plain(HOSTILE), "token", Look::Primary), @r#"
    {
      "action_id": "card.approve",
      "style": "primary",
      "text": {
        "emoji": false,
        "text": "‹!channel› *bold* ‹https://evil|x›",
        "type": "plain_text"
      },
      "type": "button",
      "value": "token"
    }
    "#);
}

#[test]
fn what_is_too_long_is_divided_cut_or_left_out() {
    let long = Mrkdwn::join((0..500).map(|_| mrkdwn("twelve chars")), "\n");
    let blocks = sections(&long);
    assert_eq!(blocks.len(), 3);
    assert!(blocks.iter().all(|b| b["text"]["text"].as_str().unwrap().chars().count() <= SECTION));
    assert!(sections(&Mrkdwn::default()).is_empty());
    let label = plain(&"x".repeat(200));
    assert_eq!(header(&label)["text"]["text"].as_str().unwrap().chars().count(), HEADER);
    let shown = button("a", &label, &"v".repeat(VALUE), Look::Usual).unwrap();
    assert_eq!(shown["text"]["text"].as_str().unwrap().chars().count(), BUTTON);
    assert!(button("a", &label, &"v".repeat(VALUE + 1), Look::Usual).is_none());
    assert!(button("a", &label, "", Look::Usual).unwrap().get("value").is_none());
    let twelve: Vec<Mrkdwn> = (0..12).map(|n| mrkdwn(&n.to_string())).collect();
    let sizes = |blocks: Vec<Value>, key: &str| {
        blocks.iter().map(|b| b[key].as_array().unwrap().len()).collect::<Vec<_>>()
    };
    assert_eq!(sizes(fields(&twelve), "fields"), [10, 2]);
    assert_eq!(sizes(context(&twelve), "elements"), [10, 2]);
    assert!(actions("none", Vec::new()).is_none());
}

#[test]
fn a_dialog_asks_first() {
    let button = button("card.approve", &Plain::ours("Approve"), "t", Look::Primary).unwrap();
    let (title, text) = (Plain::ours("Approve?"), plain("Raises the budget of <b>"));
    let asked = confirm(button, &title, &text, &Plain::ours("Approve"), &Plain::ours("Back"), Look::Danger);
    assert_eq!(asked["confirm"]["text"]["text"], "Raises the budget of ‹b›");
    assert_eq!(asked["confirm"]["style"], "danger");
}
