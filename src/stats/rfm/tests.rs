use super::*;

#[test]
fn the_ten_worked_customers() {
    let rows = [
        (3, 12, 960, 555, "champion"),
        (5, 1, 45, 511, "new"),
        (12, 6, 420, 444, "champion"),
        (20, 4, 310, 433, "promising"),
        (35, 1, 60, 312, "needs_attention"),
        (48, 8, 700, 355, "loyal"),
        (70, 2, 95, 222, "hibernating"),
        (95, 3, 240, 233, "hibernating"),
        (140, 1, 30, 111, "lost"),
        (210, 5, 515, 144, "at_risk"),
    ];
    let habits: Vec<Habit> = rows
        .iter()
        .map(|r| Habit { days: f64::from(r.0), orders: f64::from(r.1), spend: f64::from(r.2) })
        .collect();
    for (scores, row) in rfm(&habits).into_iter().zip(rows) {
        let code =
            u32::from(scores.recency) * 100 + u32::from(scores.frequency) * 10 + u32::from(scores.spend);
        assert_eq!((code, scores.name()), (row.3, row.4), "{row:?}");
    }
    assert!(rfm(&[]).is_empty());
}
