"""A notebook with every mistake a person makes: each call works as meant, or is refused with what there is instead."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import algocli
from algocli.compute.calls import forgiving
from algocli.compute.track import shown
from tests.support.challenge import write_tiny_challenge
from tests.support.untrained import untrained


@pytest.fixture(scope="module")
def notebook(tmp_path_factory):
    """A folder to work in, with a challenge, and what a notebook's first cells have made."""
    folder = tmp_path_factory.mktemp("notebook")
    write_tiny_challenge(folder / "demo", (1, 6), n_train=60, n_test=3, image_size=32)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr("algocli.features.networks.sources.torchvision._pretrained_state", untrained)
        data = algocli.Challenge("demo")
        subject = data.subject(1)
        features = algocli.extract(subject, "alexnet", "features.2")
        run = algocli.train(subject, features, n_components=10)
        images = [stimulus.path for stimulus in subject.test_stimuli]
        named = {"data": data, "s": subject, "f": features, "run": run}
        yield {"algocli": algocli, "np": np, **named, "test_images": images}


MEANT = {
    's.responses("training", "lh")': 's.responses("train", "left")',
    's.responses("Train", "L")': 's.responses("train", "left")',
    's.noise_ceiling("rh")': 's.noise_ceiling("right")',
    's.roi_vertices("ffa-1", "LH")': 's.roi_vertices("FFA-1", "left")',
    'run.subject(1).correlation("lh")': 'run.subject(1).correlation("left")',
    'run.subject(s).correlation("rh")': 'run.subject(1).correlation("right")',
    'run.subject(1).array("lh_correlation")': 'run.subject(1).array("left_correlation")',
    "algocli.predict(run, s, s.test_stimuli)['lh']": "algocli.predict(run, 1, test_images)['left']",
    "algocli.predict(run, '1', s.test_stimuli[0])['R']": "algocli.predict(run, 1, s.test_stimuli[0].path)['right']",
    "algocli.find_run().subject(1).correlation('right')": "run.subject(1).correlation('right')",
    "algocli.Settings('f', regression='ridge', alphas='0.1:1:10').relative_alphas": "np.geomspace(0.1, 1, 10)",
    "algocli.Settings('f', regression='ridge', alphas=np.logspace(-2, 3, 6)).relative_alphas": "np.logspace(-2, 3, 6)",
    "algocli.Settings(np.array(['f', 'g'])).features": "('f', 'g')",
    "[each.id for each in data.subjects(np.array([6]))]": "[6]",
    "algocli.train(s, layers='features.2,', n_components=10).name": "run.name",
    "algocli.predict(run, 1, iter(test_images))['left']": "algocli.predict(run, 1, test_images)['left']",
    "algocli.predict(run, 1, np.array(test_images))['left']": "algocli.predict(run, 1, test_images)['left']",
    "[row.roi for row in algocli.report(run, rois=s.rois[2]).rows]": "[s.rois[2].name] * 2",
    "[row.roi for row in algocli.report(run, rois=np.array(['V1V', 'ffa-1'])).rows]": "['V1v', 'FFA-1'] * 2",
}


@pytest.mark.parametrize(("written", "meant"), MEANT.items())
def test_what_can_mean_one_thing_alone_is_taken_so(notebook, written, meant):
    np.testing.assert_array_equal(eval(written, notebook), eval(meant, notebook))


REFUSED = {
    "algocli.extract(s, 'alexnet', layer='features.2')": "extract takes no layer=... (did you mean layers?)",
    "algocli.extract(1, 'alexnet')": "subjects: a Subject, or several, was expected; found int",
    "algocli.train(s, f, pca=50)": "there is no setting 'pca' (did you mean n_components?)",
    "algocli.train(s, f, run='x')": "there is no setting 'run' (did you mean name?)",
    "algocli.Settings(f, pca=50)": "Settings takes no pca=... (did you mean n_components?)",
    "algocli.Settings(n_components=50)": "Settings needs features=...",
    "algocli.Settings(f, regression='ridge', alphas=[0.1, 1, 10])": "may mean three penalties, or 10 from 0.1 to 1",
    "algocli.train(s, f, regression='ridge', alphas=[1, 10])": "alphas=[1, 10] is no grid of penalties",
    "algocli.report(run, roi='FFA-1')": "report takes no roi=... (did you mean rois?)",
    "algocli.report(run, 'demo')": "report takes run alone without a name; 2 arguments were given so",
    "algocli.compare(run, run)": "compare takes runs alone without a name",
    "algocli.plot(run, 'accuracy')": "what=Run(",
    "algocli.export(run, 'gifti')": "folder='gifti' is the name of a format, and the format is 'npy'",
    "algocli.export(run, format='mgh')": "export takes no format=... (did you mean file_format?)",
    "algocli.predict(run, 'x.png')": "predict needs images=...",
    "algocli.predict(run, 1, 'x.png')": "x.png is missing",
    "algocli.predict(run, 1, s.test_stimuli)['top']": "hemisphere='top' is not known",
    "algocli.partition('features.2', 'features.5', subjects=s)": "partition is given subjects=... twice",
    "algocli.import_features(s, 'x.npy')": "import_features needs name=...",
    "s.responses('train')": "responses needs hemisphere=...",
    "s.responses('left', 'train')": "split='left' is not known",
    "s.roi_vertices('FFA-1')": "roi_vertices needs hemisphere=...",
    "run.correlation('left')": "a run has no correlation of its own: each subject has",
    "run.subject(1).correlation()": "correlation needs hemisphere=...",
    "algocli.Challenge()": "Challenge needs",
    "algocli.Challenge(path='demo')": "Challenge takes no path=...",
    "data.subjects(subject=1)": "subjects takes no subject=...",
    "algocli.layers('alexnet', layer='features.2')": "layers takes no layer=...",
    "algocli.models(name='vgg')": "models takes no name=...",
    "s.responses(np.arange(3), 'left')": "split=array([0, 1, 2]) is not known",
    "s.n_vertices(np.array(['left', 'right']))": "hemisphere=array(['left', 'right']",
    "run.subject(1).correlation(np.eye(2))": "hemisphere=array(",
    "run.has()": "has needs number=...",
    "algocli.train(s, f, model='resnet50')": "model='resnet50' has no say where features are named",
    "algocli.train(1, f)": "subjects: a Subject, or several, was expected; found int",
    "algocli.Settings(f, regression='ridge', alphas=np.array([0.1, 1, 5, 100]))": "is no grid of penalties",
    "algocli.Settings(f, regression='ridge', alphas=np.array(1))": "is no grid of penalties",
    "algocli.report(run, data_dir=run)": "a path was expected",
    "algocli.report(run, rois=' , ')": "no ROI is named ' , '",
    "algocli.report(run, rois=1)": "rois=[1]: a name, or a list of names, was expected",
    "algocli.report(run, n_permutations='many')": "n_permutations='many': a whole number from 1 on was expected",
    "algocli.report(run, n_resamples=0)": "n_resamples=0: a whole number from 1 on was expected",
    "algocli.report(run, html='x.html', title=3)": "title=3: a name was expected",
    "algocli.submit([])": "runs: there is none",
    "algocli.submit(run, mantissa_bits=np.arange(2))": "mantissa_bits=array([0, 1])",
    "algocli.plot('rois', run, names=np.array(['a', 'b']))": "plot rois takes no further word",
    "algocli.correlate([1.0])": "correlate needs predicted=...",
}


@pytest.mark.parametrize(("written", "told"), REFUSED.items())
def test_what_cannot_be_meant_is_refused_with_what_there_is(notebook, written, told):
    with pytest.raises(algocli.AlgocliError) as refused:
        eval(written, notebook)
    assert told in refused.value.message


def test_a_fault_inside_a_function_stays_the_fault_that_it_is():
    @forgiving
    def add(first: int, second: int) -> int:
        return first + second

    with pytest.raises(TypeError, match="unsupported operand"):
        add(1, "2")
    assert add.__name__ == "add"


def test_an_attribute_that_nothing_has_is_pythons_own_affair(notebook):
    run = notebook["run"]
    assert not hasattr(run, "nothing")
    with pytest.raises(AttributeError, match="no attribute 'nothing'") as refused:
        _ = run.nothing
    assert not isinstance(refused.value, algocli.AlgocliError)


def test_progress_shows_where_somebody_sits_before_it_and_in_no_script(monkeypatch, capsys):
    clock = iter(range(100))
    monkeypatch.setattr("algocli.compute.track.time.monotonic", lambda: next(clock))
    assert list(shown(range(3), total=3, label="training", unit="steps")) == [0, 1, 2]
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)
    assert list(shown(range(3), total=3, label="training", unit="steps")) == [0, 1, 2]
    lines = capsys.readouterr().err.replace("\n", "\r").split("\r")
    assert [line.strip() for line in lines if line.strip()][:2] == ["training: 0 of 3 steps", "training: 1 of 3 steps"]
    assert "training: 3 steps in" in lines[-3] + lines[-2]
