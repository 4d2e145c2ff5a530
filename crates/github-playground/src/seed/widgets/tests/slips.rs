//! Whole order slips, as the warehouse writes them.

use widgets::{Line, ParseError, Quantity};

fn read(slip: &str) -> Result<Vec<Line>, ParseError> {
    slip.lines().map(str::parse).collect()
}

#[test]
fn a_slip_is_read_line_by_line() {
    let lines = read("12 pcs of flange-bracket\n3 dozen of m8-bolt\n1 pair of hinge").unwrap();
    let total = lines
        .iter()
        .try_fold(Quantity::from_pieces(0), |sum, line| {
            sum.checked_add(line.quantity)
        })
        .unwrap();
    assert_eq!(total.pieces(), 50);
}

#[test]
fn a_printed_slip_reads_back_the_same() {
    let lines = read("3 dozen of m8-bolt\n1 gross of washer").unwrap();
    let printed: Vec<String> = lines.iter().map(ToString::to_string).collect();
    assert_eq!(printed, ["36 pcs of m8-bolt", "144 pcs of washer"]);
    assert_eq!(read(&printed.join("\n")).unwrap(), lines);
}

#[test]
fn the_first_bad_line_is_named() {
    let error = read("12 pcs of hinge\n5 crates of hinge").unwrap_err();
    assert_eq!(
        error.to_string(),
        "expected pcs, pair, dozen or gross, found `crates`"
    );
}
