use super::*;
use proptest::prelude::*;

/// A name that tries everything.
pub(crate) const HOSTILE: &str = "<!channel> *bold* <https://evil|x>";

#[test]
fn data_in_markup_is_text() {
    assert_eq!(mrkdwn(HOSTILE).as_str(), "&lt;!channel&gt; ∗bold∗ &lt;https://evil|x&gt;");
    assert_eq!(mrkdwn("<@U012AB3CD> & _co_, ~5 `x`").as_str(), "&lt;@U012AB3CD&gt; &amp; ˍcoˍ, ∼5 ˋxˋ");
    assert_eq!(mrkdwn("> quoted\n> twice").as_str(), "› quoted &gt; twice");
    assert_eq!(mrkdwn(":white_check_mark: Approved").as_str(), "꞉white_check_mark: Approved");
    assert_eq!(
        mrkdwn("spring_sale_2025 at 10:30:45, ROAS: 2:1").as_str(),
        "spring_sale_2025 at 10:30:45, ROAS: 2:1"
    );
    assert_eq!(mrkdwn("&lt;!here&gt;").as_str(), "&amp;lt;!here&amp;gt;");
}

#[test]
fn data_as_plain_text_holds_no_token() {
    assert_eq!(plain(HOSTILE).as_str(), "‹!channel› *bold* ‹https://evil|x›");
    assert_eq!(plain(HOSTILE).fallback(), "‹!channel› ∗bold∗ ‹https://evil|x›");
    assert_eq!(plain("Bags & Shoes").fallback(), "Bags &amp; Shoes");
    assert_eq!(plain("a\nb\u{202e}c").as_str(), "a b c");
}

#[test]
fn our_own_markup_is_kept_around_the_data() {
    let name = mrkdwn(HOSTILE).bold();
    let line =
        Mrkdwn::fill("Pause {} in {}, asked by {}", &[name, mrkdwn("Meta"), Mrkdwn::user("U012AB3CD")]);
    assert_eq!(
        line.as_str(),
        "Pause *&lt;!channel&gt; ∗bold∗ &lt;https://evil|x&gt;* in Meta, asked by <@U012AB3CD>"
    );
    assert_eq!(Mrkdwn::user("!channel").as_str(), "!channel");
    assert_eq!(Mrkdwn::user("U1> <!here").as_str(), "U1&gt; &lt;!here");
    assert_eq!(Mrkdwn::default().bold().as_str(), "");
    assert_eq!(Mrkdwn::fill("{} {}", &[mrkdwn("{}"), mrkdwn("b")]).as_str(), "{} b");
    let at = "2025-09-17T09:00:00Z".parse().unwrap();
    assert_eq!(
        Mrkdwn::date(at, "{date_short_pretty} {time}").as_str(),
        "<!date^1758099600^{date_short_pretty} {time}|2025-09-17 09:00 UTC>"
    );
}

#[test]
fn links_lead_to_our_pages_only() {
    let link = |base: &str, path: &str| Mrkdwn::link(base, path, &mrkdwn("a|b")).as_str().to_owned();
    assert_eq!(
        link("https://adj.example/", "/drafts/7?a=1&b=2"),
        "<https://adj.example/drafts/7?a=1&amp;b=2|a∣b>"
    );
    assert_eq!(link("javascript:alert(1)", "x"), "a|b");
    assert_eq!(link("https://adj.example", "x|y>"), "a|b");
}

#[test]
fn a_long_text_is_cut_at_lines_and_never_inside_an_entity_or_a_token() {
    let text = Mrkdwn::join((0..40).map(|n| mrkdwn(&format!("{n} & more"))), "\n");
    let pieces = text.pieces(100);
    assert!(pieces.iter().all(|piece| piece.len() <= 100 && piece.as_str().ends_with("more")));
    let one = mrkdwn(&"&".repeat(50)).pieces(13);
    assert!(one.iter().all(|piece| piece.as_str() == "&amp;&amp;"), "{one:?}");
    let mentions = Mrkdwn::join((0..9).map(|_| Mrkdwn::user("U012AB3CD")), "");
    assert!(mentions.pieces(20).iter().all(|piece| piece.as_str() == "<@U012AB3CD>"));
}

/// Strings that are rich in what Slack reads.
pub(crate) fn nasty() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        Just("<!channel>".to_owned()),
        Just("<@U012AB3CD>".to_owned()),
        Just("<https://evil.example|x>".to_owned()),
        Just("[x](https://evil.example)".to_owned()),
        Just("evil.example/a_b".to_owned()),
        Just("@here".to_owned()),
        Just("&lt;".to_owned()),
        Just(":fire:".to_owned()),
        "[-*_~`<>&|!@#\\[\\]()\\\\:. \n]{1,4}",
        "[a-c0-2]{1,3}",
    ];
    prop::collection::vec(part, 1..8).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn nothing_in_data_is_markup(data in nasty()) {
        let text = mrkdwn(&data).0;
        prop_assert!(!text.contains(['<', '>', '*', '~', '`', '\n']), "{text}");
        for (at, _) in text.match_indices('&') {
            prop_assert!(["&amp;", "&lt;", "&gt;"].iter().any(|e| text[at..].starts_with(e)), "{text}");
        }
        for (at, _) in text.match_indices('_') {
            let (before, after) = (text[..at].chars().last(), text[at + 1..].chars().next());
            prop_assert!(word(before) && word(after), "{text}");
        }
        prop_assert!(!text.starts_with("&gt;"), "{text}");
        let flat = plain(&data);
        prop_assert!(!flat.as_str().contains(['<', '>', '\n']), "{flat:?}");
        prop_assert!(!flat.fallback().contains(['<', '>', '*', '~', '`']), "{flat:?}");
    }

    #[test]
    fn pieces_hold_everything_and_no_more_than_they_may(data in nasty(), most in 12usize..40) {
        let text = Mrkdwn::fill("*{}* {}", &[mrkdwn(&data), mrkdwn(&data)]);
        let pieces = text.pieces(most);
        prop_assert!(pieces.iter().all(|piece| piece.len() <= most), "{pieces:?}");
        let dense = |text: &str| text.replace([' ', '\n'], "");
        prop_assert_eq!(dense(&pieces.iter().map(Mrkdwn::as_str).collect::<String>()), dense(text.as_str()));
    }
}
