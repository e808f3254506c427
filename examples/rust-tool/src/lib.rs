//! Judges a gauge by its marks.

/// What a gauge says, in centimetres.
pub fn judge(level: i32, mark: i32) -> &'static str {
    if level > mark {
        "flood"
    } else {
        "dry"
    }
}
