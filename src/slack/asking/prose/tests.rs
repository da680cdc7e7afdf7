use super::*;
use proptest::prelude::*;

/// The campaign of the bad days.
const HOSTILE: &str = "<!channel> *bold* <https://evil.example|x>";

fn sent(names: &[&str], pieces: &[&str]) -> String {
    let mut prose = Prose::default();
    prose.know(names.iter().copied());
    let mut out: String = pieces.iter().map(|piece| prose.push(piece)).collect();
    out.push_str(&prose.finish());
    out
}

#[test]
fn mentions_lose_their_power() {
    assert_eq!(
        sent(&[], &["hello <@U0MARA> and <#C0GENERAL|x> and <!here>"]),
        "hello ‹@U0MARA> and ‹#C0GENERAL|x> and ‹!here>"
    );
    assert_eq!(
        sent(&[], &["@channel @Here @everyone &lt;!channel&gt; &#60;"]),
        "＠channel ＠Here ＠everyone ＆lt;!channel＆gt; ＆#60;"
    );
    assert_eq!(sent(&[], &["<", "!chan", "nel>"]), "‹!channel>");
}

#[test]
fn ordinary_prose_passes_unchanged() {
    let text = "**Spend** fell: 3 < 5, R&D & P&L, a@b, `code`, _so_ | done <- here\n- a\n- b";
    assert_eq!(sent(&["Brand_Search_DE", "Plain name"], &[text]), text);
}

#[test]
fn names_from_the_data_do_not_format() {
    let heard = crate::chat::scrub::scrub(&format!("The campaign {HOSTILE} spent **40**."));
    let shown = sent(&[HOSTILE], &[&heard]);
    assert_eq!(shown, r"The campaign ‹!channel> \*bold\* ‹\[link removed\]|x> spent **40**.");
}

#[test]
fn underscores_inside_words_stay() {
    assert_eq!(sent(&["DE_Brand_*"], &["DE_Brand_* costs"]), r"DE_Brand\_\* costs");
}

#[test]
fn a_withdrawn_piece_does_not_come_back() {
    let mut prose = Prose::default();
    prose.know(["*x*"]);
    assert_eq!(prose.push("a *x"), "a ");
    prose.forget();
    assert_eq!(prose.finish(), "");
    assert_eq!(prose.push("b *x*"), r"b \*x\*");
}

proptest! {
    /// However the text is cut into pieces, the same is sent, and nothing in it calls anybody.
    #[test]
    fn cuts_do_not_matter(text in "([a-c<>!@#&; *]|<!channel>|@here|&lt;|\\*x\\*){0,30}", cuts in prop::collection::vec(0usize..40, 0..4)) {
        let names = ["*x*", "a*b"];
        let chars: Vec<char> = text.chars().collect();
        let mut at: Vec<usize> = cuts.into_iter().map(|cut| cut.min(chars.len())).collect();
        at.extend([0, chars.len()]);
        at.sort_unstable();
        let pieces: Vec<String> = at.windows(2).map(|w| chars[w[0]..w[1]].iter().collect()).collect();
        let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
        let out = sent(&names, &pieces);
        prop_assert_eq!(&out, &sent(&names, &[&text]));
        for bad in ["<!", "<@", "<#", "@here", "&lt", "<a"] {
            prop_assert!(!out.contains(bad), "{} in {}", bad, out);
        }
    }
}
