use flood::judge;

#[test]
fn above_the_mark_is_a_flood() {
    assert_eq!(judge(301, 300), "flood");
}

#[test]
fn at_the_mark_is_dry() {
    assert_eq!(judge(300, 300), "dry");
}
