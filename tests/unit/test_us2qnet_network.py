"""US2QNet's parts against what their equations say."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models.us2qnet.network import LATENT, ClusterHead, MixturePrior, Us2QNet, target_shares

pytestmark = pytest.mark.usefixtures("one_torch_thread")


@pytest.mark.parametrize("size", [28, 224])
def test_shapes_and_ranges(size: int):
    torch.manual_seed(0)
    network = Us2QNet(size, clusters=4).eval()
    picture = torch.rand(2, 1, size, size)
    with torch.no_grad():
        mean, shares = network(picture)
        drawn = network.reconstruct(picture)
    assert (mean.shape, shares.shape, drawn.shape) == ((2, LATENT), (2, 4), picture.shape)
    assert torch.allclose(shares.sum(dim=1), torch.ones(2))
    assert 0 <= drawn.min() <= drawn.max() <= 1


def test_level_and_contrast_of_a_picture_reach_the_latent():
    torch.manual_seed(0)
    network = Us2QNet(28).eval()
    picture = torch.rand(1, 1, 28, 28)
    with torch.no_grad():
        versions = [network(changed)[0] for changed in (picture, 0.5 * picture, 0.25 + 0.5 * picture)]
    distances = [float((versions[0] - other).norm()) for other in versions[1:]]
    assert min(distances) > 0.01 * float(versions[0].norm())


def test_soft_assignment_is_students_t_over_the_clusters():
    head = ClusterHead(2, latent=2)
    with torch.no_grad():
        head.centroids.copy_(torch.tensor([[0.0, 0.0], [3.0, 0.0]]))
    found = head(torch.tensor([[1.0, 0.0], [3.0, 1.0]]))
    kernels = np.array([[1 / 2, 1 / 5], [1 / 11, 1 / 2]])
    assert np.allclose(found.detach().numpy(), kernels / kernels.sum(axis=1, keepdims=True), atol=1e-6)


def test_the_target_squares_and_weighs_by_cluster_size():
    assigned = torch.tensor([[0.8, 0.2], [0.6, 0.4], [0.7, 0.3]])
    weight = assigned.numpy() ** 2 / assigned.numpy().sum(axis=0)
    found = target_shares(assigned).numpy()
    assert np.allclose(found, weight / weight.sum(axis=1, keepdims=True), atol=1e-6)
    assert found[0, 0] > 0.8, "without the square the target would not be sharper"


def test_one_gaussian_has_the_closed_form():
    torch.manual_seed(0)
    prior = MixturePrior(1, latent=5)
    with torch.no_grad():
        prior.mean.normal_()
        prior.log_variance.normal_(std=0.3)
        mean, log_variance = torch.randn(4, 5), 0.3 * torch.randn(4, 5)
        found = prior.divergence(mean, mean, log_variance)
        posterior = torch.distributions.Normal(mean, (0.5 * log_variance).exp())
        one = torch.distributions.Normal(prior.mean[0], (0.5 * prior.log_variance[0]).exp())
    assert torch.allclose(found, torch.distributions.kl_divergence(posterior, one).sum(dim=1), atol=1e-5)


def test_the_mixture_bound_holds():
    """E[log q(z|x) - log p(z)] by sampling is the true divergence: the bound lies above, and close when one rules."""
    torch.manual_seed(0)
    prior = MixturePrior(3, latent=2)
    with torch.no_grad():
        prior.mean.copy_(torch.tensor([[-4.0, 0.0], [0.0, 0.0], [4.0, 1.0]]))
        prior.log_weight.copy_(torch.tensor([0.5, -0.5, 0.0]))
        for place, slack in ((torch.tensor([-3.5, 0.2]), 0.05), (torch.tensor([2.0, 0.5]), 2.0)):
            log_variance = torch.full((4000, 2), -2.0)
            mean = place.expand(4000, 2)
            sample = mean + torch.randn(4000, 2) * (0.5 * log_variance).exp()
            mixture = torch.distributions.MixtureSameFamily(
                torch.distributions.Categorical(logits=prior.log_weight),
                torch.distributions.Independent(
                    torch.distributions.Normal(prior.mean, (0.5 * prior.log_variance).exp()), 1
                ),
            )
            posterior = torch.distributions.Normal(mean, (0.5 * log_variance).exp())
            true = float((posterior.log_prob(sample).sum(dim=1) - mixture.log_prob(sample)).mean())
            bound = float(prior.divergence(sample, mean, log_variance).mean())
            assert true - 0.05 < bound < true + slack


def test_the_prior_takes_the_clusters_it_is_given():
    random = torch.Generator().manual_seed(0)
    latent = torch.randn(400, 3, generator=random)
    cluster = torch.arange(400) % 4 // 3  # a quarter in the second
    latent[cluster == 1] += 10
    prior = MixturePrior(2, latent=3)
    prior.fit(latent, cluster)
    assert torch.allclose(prior.log_weight.softmax(dim=0), torch.tensor([0.75, 0.25]), atol=1e-5)
    assert torch.allclose(prior.mean[1] - prior.mean[0], torch.full((3,), 10.0), atol=0.5)
    assert torch.allclose(prior.log_variance.exp(), torch.ones(2, 3), atol=0.4)
