//! Dimensions, as the warehouse writes them.

use widgets::Dimension;

fn read(text: &str) -> Dimension {
    text.parse().unwrap()
}

#[test]
fn centimetres_and_millimetres_are_the_same_size() {
    assert_eq!(read("2x3x0.5 cm"), read("20x30x5 mm"));
}

#[test]
fn a_printed_dimension_reads_back_the_same() {
    let dimension = read("2x3x0.5 cm");
    assert_eq!(dimension.to_string(), "20x30x5 mm");
    assert_eq!(read(&dimension.to_string()), dimension);
}

#[test]
fn an_error_names_the_part_that_is_wrong() {
    let found = |text: &str| text.parse::<Dimension>().unwrap_err().found().to_owned();
    assert_eq!(found("20x30x5 inch"), "inch");
    assert_eq!(found("20xmanyx5 mm"), "many");
    assert_eq!(found("20x30 mm"), "20x30");
}
