use super::*;

fn approve(draft: Option<i64>) -> Option<Said> {
    Some(Said { draft, verb: Verb::Approve })
}

fn hold(draft: Option<i64>, hours: i64) -> Option<Said> {
    Some(Said { draft, verb: Verb::Hold { hours } })
}

fn reject(draft: Option<i64>, code: ReasonCode, reason: &str) -> Option<Said> {
    Some(Said { draft, verb: Verb::Reject { code, reason: reason.to_owned() } })
}

fn edit(draft: Option<i64>, instruction: &str) -> Option<Said> {
    Some(Said { draft, verb: Verb::Edit { instruction: instruction.to_owned() } })
}

#[test]
fn an_approval_is_the_whole_message() {
    for text in
        ["approve", "Approve", " APPROVE ", "approve.", "approve!", "<@U0BOT> approve", "<@U0BOT>: approve"]
    {
        assert_eq!(parse(text), approve(None), "{text}");
    }
    for text in ["approve 12", "approve #12", "Approve 12.", "approve#12", "<@U0BOT|adjutant> approve 12"] {
        assert_eq!(parse(text), approve(Some(12)), "{text}");
    }
}

#[test]
fn anything_more_than_the_word_is_not_an_approval() {
    for text in [
        "approve but cut the budget",
        "approve 12 but cut the budget",
        "approve?",
        "approve, please",
        "approve it",
        "approve 12 13",
        "approve 12%",
        "approve 12k",
        "approve -1",
        "approved",
        "approve\u{200b}",
        "approve\napprove 12",
        "do not approve",
        "I approve",
        "<@U0BOT> <@U0MARA> approve",
        "> approve",
        "*approve*",
        "approvе", // the last letter is Cyrillic
        "",
        "approve 99999999999999999999",
    ] {
        assert_eq!(parse(text), None, "{text}");
    }
}

#[test]
fn a_rejection_has_a_reason_and_perhaps_a_category() {
    assert_eq!(
        parse("reject too early in the season"),
        reject(None, ReasonCode::Other, "too early in the season")
    );
    assert_eq!(parse("reject 12 numbers look off"), reject(Some(12), ReasonCode::Other, "numbers look off"));
    assert_eq!(
        parse("Reject #12: numbers look off"),
        reject(Some(12), ReasonCode::Other, "numbers look off")
    );
    assert_eq!(parse("reject bad timing: sale starts"), reject(None, ReasonCode::BadTiming, "sale starts"));
    assert_eq!(parse("reject too_risky"), reject(None, ReasonCode::TooRisky, "too_risky"));
    assert_eq!(parse("reject 2x is too much"), reject(None, ReasonCode::Other, "2x is too much"));
    assert_eq!(parse("reject 12"), Some(Said { draft: Some(12), verb: Verb::RejectWithoutReason }));
    assert_eq!(parse("reject."), Some(Said { draft: None, verb: Verb::RejectWithoutReason }));
    assert_eq!(parse("rejected because"), None);
}

#[test]
fn an_edit_needs_its_colon() {
    assert_eq!(parse("edit: only 10 %"), edit(None, "only 10 %"));
    assert_eq!(parse("edit 12: pct: 10"), edit(Some(12), "pct: 10"));
    assert_eq!(parse("edit the budget"), None);
    assert_eq!(parse("edit the budget: 10"), None);
    assert_eq!(parse("edit:"), None);
}

#[test]
fn a_hold_has_hours_with_their_unit() {
    assert_eq!(parse("hold"), hold(None, 4));
    assert_eq!(parse("hold 4h"), hold(None, 4));
    assert_eq!(parse("hold 8 hours"), hold(None, 8));
    assert_eq!(parse("hold for 2d"), hold(None, 48));
    assert_eq!(parse("hold 12"), hold(Some(12), 4));
    assert_eq!(parse("hold 12 6h"), hold(Some(12), 6));
    for text in ["hold on", "hold 4m", "hold 4h please", "hold the line", "holding", "hold -4h"] {
        assert_eq!(parse(text), None, "{text}");
    }
}
