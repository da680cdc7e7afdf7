use super::*;
use proptest::prelude::*;

#[test]
fn links_images_and_markup_lose_their_targets() {
    let shown = |text: &str| scrub(text);
    assert_eq!(shown("see ![x](http://evil.example/?q=secret) now"), "see [x] now");
    assert_eq!(shown("go to https://evil.example/a?b=c, then"), "go to [link removed] then");
    assert_eq!(shown("[Report](//evil.example/(a)b) done"), "[Report] done");
    assert_eq!(shown("<img src=//evil.example/x>"), "‹img src=[link removed]>");
    assert_eq!(shown("www.evil.example is bad"), "[link removed] is bad");
    assert_eq!(shown("ftp://evil.example/x y"), "ftp[link removed] y");
    assert_eq!(shown("[1]: //evil.example"), "[1] : [link removed]");
    assert_eq!(shown("a\u{202e}b\u{200b}c\u{7}d"), "abcd");
}

#[test]
fn ordinary_text_passes_unchanged() {
    for text in [
        "Spend fell 12 % (CHF 1,180.00) — wow! [sic] a < b, 3 <4, ratio 2:1; time 14:30.",
        "http is a word, https too: fine. www",
        "| a | b |\n| --- | --- |\n",
        "Really?! Yes!",
        "24/7, a // b, and/or, / //",
    ] {
        assert_eq!(scrub(text), text);
    }
}

proptest! {
    /// However a text is cut into pieces, the same comes out, and never an address.
    #[test]
    fn cuts_do_not_matter(text in "([a-c !\\[\\]()<:/.]|http://|https://|www\\.|\n){0,40}", cut in 0usize..40) {
        let at = text.char_indices().map(|(i, _)| i).nth(cut).unwrap_or(text.len());
        let mut filter = Scrub::default();
        let mut out = filter.push(&text[..at]);
        out.push_str(&filter.push(&text[at..]));
        out.push_str(&filter.finish());
        prop_assert_eq!(&out, &scrub(&text));
        prop_assert!(!out.contains("://"), "{}", out);
        prop_assert!(!out.contains("]("), "{}", out);
        prop_assert!(!out.contains("//a"), "{}", out);
    }
}
