use super::masked;

#[test]
fn notes_lose_addresses_phones_and_tokens_and_nothing_else() {
    for (said, kept) in [
        ("Ask jo.doe@mail.example, please.", "Ask [e-mail] please."),
        ("Call +41 44 123 45 67 today", "Call [phone] today"),
        ("Call 0041441234567.", "Call [phone]."),
        ("used adj_0123_abcdef for it", "used [token] for it"),
        ("Budget 1,250.00 until 2025-09-17 10:00", "Budget 1,250.00 until 2025-09-17 10:00"),
        ("campaign google_ads:23851234567890 at 0.50", "campaign google_ads:23851234567890 at 0.50"),
        ("@anna said so", "@anna said so"),
    ] {
        assert_eq!(masked(said, 200), kept);
    }
    assert_eq!(masked("a long note", 6), "a long");
}
