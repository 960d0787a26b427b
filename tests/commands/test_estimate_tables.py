from nlp_transfer.commands.estimate_tables import Estimate, duration


def test_durations_as_people_say_them():
    assert [duration(s) for s in (0.04, 9.94, 59.6, 61, 3600, 7325)] == [
        "0.0 s",
        "9.9 s",
        "60 s",
        "1 min 1 s",
        "1 h 0 min",
        "2 h 2 min",
    ]


def test_the_table_of_an_estimate():
    found = Estimate(
        device="2 CPU threads, fp32",
        texts=1234,
        tokens=56789,
        flops=2 * 10**12,
        epochs=3,
        seconds={"Preparing": 1.0, "Training": 120.0},
        peak_memory_bytes=2**30,
        cache_bytes=3 * 2**20,
        early_stopping=True,
    )
    table = found.table("my.yaml")
    assert table.title == "my.yaml"
    assert table.rows == [
        ["Machine", "2 CPU threads, fp32"],
        ["Training texts", "1,234"],
        ["Tokens in all epochs", "56,789 (3 epochs)"],
        ["Operations", "2.00 TFLOP"],
        ["Preparing", "1.0 s"],
        ["Training", "2 min 0 s"],
        ["Together", "2 min 1 s, or less (early stopping)"],
        ["Peak memory", "1,024 MiB"],
        ["Kept in the cache", "3.1 MB"],
    ]
