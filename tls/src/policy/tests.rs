mod building;
mod deciding;
