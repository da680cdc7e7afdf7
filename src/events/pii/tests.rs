use super::*;
use proptest::prelude::*;

fn text(text: &str) -> Option<Pii> {
    find(text, Place::Text)
}

#[test]
fn addresses_of_people() {
    for found in [
        "jane@example.org",
        "write to jane.d+x@mail.example.co.uk!",
        "jane%40example.org",
        "<jane@example.org>",
        "jané@exämple.org",
        "mailto:jane@example.org?x",
        "https://user:pw@example.org/",
        "a@b.co",
    ] {
        assert_eq!(text(found), Some(Pii::Email), "{found}");
    }
    for none in [
        "@jane",
        "jane@localhost",
        "5 @ 3.50",
        "logo@2x.png",
        "me@home",
        "a@b.c",
        "https://example.org/@jane/",
    ] {
        assert_eq!(text(none), None, "{none}");
    }
}

#[test]
fn telephones() {
    for found in [
        "+4930901820",
        "+49 30 901820",
        "tel:+1-555-123-4567",
        "(555) 123-4567",
        "030 9018 20123",
        "555.123.4567",
        "call 555-123-4567 now",
    ] {
        assert_eq!(text(found), Some(Pii::Phone), "{found}");
    }
    for none in [
        "4930901820",
        "+123",
        "2026-01-25 09:30",
        "25.01.2026 10:30",
        "12.345678901",
        "10 x 20 cm",
        "555-1234",
        "5d0f7a52-6f0e-4a9b-8a43-0d3a5cf4b1aa",
        "abcdefab-1234-5678-9012-abcdefabcdef",
        "v1.20.300",
        "a_555-123-4567",
        "-34.6037, -58.3816",
        "SKU1234-567-890",
    ] {
        assert_eq!(text(none), None, "{none}");
    }
}

#[test]
fn cards() {
    for found in [
        "4111111111111111",
        "4111 1111 1111 1111",
        "5500-0055-5555-5559",
        "378282246310005",
        "3782 822463 10005",
        "card 6011111111111117.",
        "4222222222222",
    ] {
        assert_eq!(text(found), Some(Pii::Card), "{found}");
    }
    for none in ["4111111111111112", "0000000000000000", "1234", "41111111111111111111111"] {
        assert_eq!(text(none), None, "{none}");
    }
    // A shop's 13 and 14 digits that pass Luhn by chance are no card where ids stand.
    for id in ["7000000000009", "40000000000002"] {
        assert_eq!(
            (find(id, Place::Id), find(&format!("https://example.com/p/{id}"), Place::Url)),
            (None, None)
        );
    }
    assert_eq!(find("4111111111111111", Place::Id), Some(Pii::Card));
    assert_eq!(find("https://example.com/?x=4111111111111111", Place::Url), Some(Pii::Card));
}

#[test]
fn accounts_and_social_security() {
    for found in [
        "DE89370400440532013000",
        "de89 3704 0044 0532 0130 00",
        "pay GB29NWBK60161331926819 now",
        "NO9386011117947",
    ] {
        assert_eq!(text(found), Some(Pii::Iban), "{found}");
    }
    for none in [
        "DE89370400440532013001",
        "XX89370400440532013000",
        "DE893704004405320130",
        "xDE89370400440532013000",
    ] {
        assert_ne!(text(none), Some(Pii::Iban), "{none}");
    }
    assert_eq!(text("123-45-6789"), Some(Pii::Ssn));
    assert_eq!(text("my ssn is 123-45-6789."), Some(Pii::Ssn));
    for none in ["000-45-6789", "666-45-6789", "900-45-6789", "123-00-6789", "123-45-0000"] {
        assert_ne!(text(none), Some(Pii::Ssn), "{none}");
    }
}

#[test]
fn computers() {
    for found in
        ["10.0.0.1", "from 192.168.10.1 to", "2001:db8::8a2e:370:7334", "[fe80::1]:443", "10.0.0.1:8080"]
    {
        assert_eq!(text(found), Some(Pii::Ip), "{found}");
    }
    for none in
        ["1.2.3", "256.1.1.1", "09:30:12", "std::fmt::Debug", "aa:bb:cc:dd:ee:ff", "::", "a::z", "3:2:1"]
    {
        assert_eq!(text(none), None, "{none}");
    }
}

#[test]
fn secrets_by_their_form() {
    for found in [
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dBjftJeZ4CVP",
        "key sk_live_51Habcdefgh12",
        "ghp_0123456789abcdefghijABCDEF",
        "AKIAIOSFODNN7EXAMPLE",
        "xoxb-1234567890-abcdef",
        "-----BEGIN PRIVATE KEY-----",
        "973dfe463ec85785f5f95af5ba3906eedb2d931c24e69824a89ea65dba4e813b",
        "?access=glpat-abcdefghij0123456789",
    ] {
        assert_eq!(text(found), Some(Pii::Secret), "{found}");
    }
    for none in
        ["sk-incare for the whole family", "eyJust a word", "campaign_clicked", "brand/spring-sale-2026"]
    {
        assert_eq!(text(none), None, "{none}");
    }
}

#[test]
fn addresses_of_pages() {
    let url = |url: &str| find(url, Place::Url);
    assert_eq!(url("https://example.com/?a=1&email=x"), Some(Pii::Email));
    assert_eq!(url("https://example.com/?mobile=1&token=&a=2026-01-25"), None);
    assert_eq!(url("https://example.com/?q=%2B49%2030%20901820"), Some(Pii::Phone));
    assert_eq!(url("https://example.com/?tel=+4930901820"), Some(Pii::Phone));
    assert_eq!(url("https://example.com/#access_token=x&token=abc"), Some(Pii::Secret));
    assert_eq!(url("https://example.com/%6aane@example.org"), Some(Pii::Email));
    for none in [
        "https://example.com/blog/2026-01-25-10-tips",
        "/products/123-456-7890",
        "https://example.com/?gclid=Cj0KCQiA_1234567890",
        "https://example.com/?variant=40123456789012",
        "https://example.com/%zz%4",
    ] {
        assert_eq!(url(none), None, "{none}");
    }
    assert_eq!(
        without_matches("https://example.com/a?x=1&e=jane%40example.org&y=2#token=abc").as_deref(),
        Some("https://example.com/a?x=1&y=2")
    );
    assert_eq!(without_matches("https://example.com/jane@example.org?x=1"), None);
}

#[test]
fn keys_that_tell() {
    for (key, kind) in [
        ("email", Pii::Email),
        ("e_mail", Pii::Email),
        ("E-Mail", Pii::Email),
        ("firstName", Pii::Name),
        ("First-Name", Pii::Name),
        ("zip", Pii::Address),
        ("DOB", Pii::Birthdate),
        ("IBAN", Pii::Iban),
        ("card", Pii::Card),
        ("Token", Pii::Secret),
        ("mobile", Pii::Phone),
        ("ssn", Pii::Ssn),
    ] {
        assert_eq!(key_kind(key), Some(kind), "{key}");
    }
    for none in ["email_sha256", "cardinality", "streets", "", "address_line_of_a_long_key", "tokens"] {
        assert_eq!(key_kind(none), None, "{none}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_text_is_too_strange(text in "\\PC{0,80}", numbers in "[0-9 +().:@%a-f-]{0,60}") {
        for text in [text, numbers] {
            for place in [Place::Text, Place::Id, Place::Typed, Place::Url] {
                let _ = find(&text, place);
            }
            if let Some(clean) = without_matches(&text) {
                prop_assert_eq!(find(&clean, Place::Url), None);
            }
        }
    }

    #[test]
    fn an_address_is_found_wherever_it_stands(before in "[a-z ]{0,12}", after in "[ ,;)!]?[a-z ]{0,12}") {
        let text = format!("{before} jane.doe@example.org {after}");
        prop_assert_eq!(find(&text, Place::Text), Some(Pii::Email));
    }
}
