from tasksvc.cut_offs import FREE, CutOffs


def test_a_task_comes_back_unharmed_a_few_times_and_then_each_attempt_counts():
    cut_offs = CutOffs()
    assert [cut_offs.count("t") for _ in range(FREE + 3)] == [False] * FREE + [True] * 3
    assert not cut_offs.count("another")
